/** Whether the 16 bytes at this word are an IPv4 address in IPv6 form. */
export function isMapped(words: Uint32Array, at: number): boolean {
  return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === MAPPED;
}

/** An address as it is on the wire, in the form of RFC 5952; IPv4 addresses in IPv6 form are written as such. */
export function addressText(words: Uint32Array, at: number, version: 4 | 6): string {
  const bytes = new Uint8Array(words.buffer, words.byteOffset + at * 4, 16);
  if (version === 4) return bytes.subarray(0, 4).join('.');
  if (isMapped(words, at)) return bytes.subarray(12).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2]! << 8) | bytes[i * 2 + 1]!).toString(16));
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.join(':');
  return `${groups.slice(0, zeros.from).join(':')}::${groups.slice(zeros.from + zeros.length).join(':')}`;
}

/** 00 00 ff ff, read as a little-endian word. */
const MAPPED = 0xffff0000;

/** The first of the longest runs of zeros. */
function longestZeros(groups: readonly string[]): { readonly from: number; readonly length: number } {
  let best = { from: 0, length: 0 };
  for (let from = 0; from < groups.length; from++) {
    let length = 0;
    while (groups[from + length] === '0') length++;
    if (length > best.length) best = { from, length };
  }
  return best;
}
