/** A document that is no OTLP/JSON request. */
export class OtlpJsonError extends Error {
  override readonly name = 'OtlpJsonError';
  /** Where in the document: `resourceMetrics[0].scopeMetrics[1].schemaUrl`; empty for the document itself. */
  readonly path: string;
  /** The same as an offset in its UTF-8 bytes. */
  readonly offset: number;

  constructor(problem: string, path: string, offset: number) {
    super(`${path === '' ? '' : `${path}: `}${problem} (byte ${offset}).`);
    this.path = path;
    this.offset = offset;
  }
}
