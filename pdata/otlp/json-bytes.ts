/** Fills `target` from hex digits; false when one is none. */
export function hexBytes(source: Uint8Array, start: number, target: Uint8Array): boolean {
  for (let i = 0; i < target.length; i++) {
    const high = hexValue(source[start + i * 2]!);
    const low = hexValue(source[start + i * 2 + 1]!);
    if (high < 0 || low < 0) return false;
    target[i] = high * 16 + low;
  }
  return true;
}

/** Bytes of base64 in the standard or the URL alphabet, padded or not; undefined for anything else. */
export function base64Bytes(text: string): Uint8Array | undefined {
  const digits = text.replace(/={1,2}$/, '');
  if (!/^[A-Za-z0-9+/_-]*$/.test(digits) || digits.length % 4 === 1) return undefined;
  const binary = atob(digits.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = (byte | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}
