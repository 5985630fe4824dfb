/**
 * Name of a client's folder: `exporter_otlp_grpc__metrics.bpflow`. As in the Collector, whose file of the same client has
 * this name without the ending, every character but letters, digits, `.`, `-` and `_` becomes `~` and its code in hex.
 */
export function clientFolderName(owner: string, purpose: string): string {
  const name = `${sanitized(owner)}${purpose === '' ? '' : `_${sanitized(purpose)}`}`;
  const bytes = Buffer.byteLength(name);
  if (bytes > MAX_NAME_BYTES)
    throw new RangeError(`the name ${name.slice(0, 40)}… has ${bytes} bytes, at most ${MAX_NAME_BYTES}`);
  return `${name}.bpflow`;
}

/** Linux takes names of 255 bytes. */
const MAX_NAME_BYTES = 240;

function sanitized(text: string): string {
  return text.replace(
    /[^A-Za-z0-9._-]/gu,
    (character) => `~${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`,
  );
}
