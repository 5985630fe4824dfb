import type { Flow, Range } from './flow.ts';
import type { FlowReader } from './flow-reader.ts';

/** Takes one connection in N: the same verdict for both directions and for every flow of it, on every node and after a restart. */
export class Sampler {
  readonly #reader: FlowReader;
  readonly #rate: number;

  constructor(reader: FlowReader, rate: number) {
    this.#reader = reader;
    this.#rate = rate;
  }

  takes(flow: Flow): boolean {
    if (this.#rate === 1) return true;
    // A sum does not tell the ends apart.
    const sum =
      (this.#hash(flow.sourceIp, flow.sourcePort) + this.#hash(flow.destinationIp, flow.destinationPort)) >>> 0;
    return ((Math.imul(sum ^ (sum >>> 16), 0x45d9_f3b5) >>> 0) ^ (sum >>> 7)) % this.#rate === 0;
  }

  #hash({ start, end }: Range, port: number): number {
    const { bytes } = this.#reader;
    let hash = 0x811c_9dc5;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x0100_0193);
    hash = Math.imul(hash ^ port, 0x9e37_79b1);
    return hash ^ (hash >>> 15);
  }
}
