import type { View } from 'bpflow/prometheus';

/** What of the page's forms the exporter may answer with. */
export interface Offer {
  readonly openMetrics: boolean;
  readonly utf8: boolean;
}

export interface Answer {
  readonly view: View;
  readonly contentType: string;
}

const PROTOBUF = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';

/** Chooses the form of the page by the `Accept` header: the scraper's best that is on offer, else classic text. */
function negotiate(accept: string | undefined, offer: Offer): Answer {
  for (const { type, parameters } of accepted(accept)) {
    const utf8 = offer.utf8 && parameters.get('escaping') === 'allow-utf-8';
    const version = parameters.get('version');
    if (
      type === 'application/vnd.google.protobuf' &&
      parameters.get('proto') === 'io.prometheus.client.MetricFamily' &&
      parameters.get('encoding') === 'delimited'
    ) {
      const view: View = { openMetrics: false, protobuf: true, utf8 };
      return { view, contentType: `${PROTOBUF}; escaping=${escaping(view)}` };
    }
    if (
      offer.openMetrics &&
      type === 'application/openmetrics-text' &&
      (version === undefined || version === '1.0.0')
    ) {
      return answer('application/openmetrics-text; version=1.0.0', { openMetrics: true, protobuf: false, utf8 });
    }
    if (type === 'text/plain' && (version === undefined || version === '0.0.4' || version === '1.0.0')) {
      return answer(`text/plain; version=${version ?? '0.0.4'}`, { openMetrics: false, protobuf: false, utf8 });
    }
    if (type === '*/*' || type === 'text/*') break;
  }
  return answer('text/plain; version=0.0.4', { openMetrics: false, protobuf: false, utf8: false });
}

/** Different headers whose answers are remembered. */
const MAX_REMEMBERED = 32;

/** Remembers the answers: scrapers send the same header each time. */
export class Negotiator {
  readonly #offer: Offer;
  readonly #answers = new Map<string | undefined, Answer>();

  constructor(offer: Offer) {
    this.#offer = offer;
  }

  answer(accept: string | undefined): Answer {
    let answer = this.#answers.get(accept);
    if (answer === undefined) {
      answer = negotiate(accept, this.#offer);
      if (this.#answers.size >= MAX_REMEMBERED) this.#answers.clear();
      this.#answers.set(accept, answer);
    }
    return answer;
  }
}

/** Whether the client takes gzip. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  return accepted(acceptEncoding).some(({ type }) => type === 'gzip' || type === '*');
}

function answer(type: string, view: View): Answer {
  return { view, contentType: `${type}; charset=utf-8; escaping=${escaping(view)}` };
}

function escaping({ utf8 }: View): string {
  return utf8 ? 'allow-utf-8' : 'underscores';
}

interface Range {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** The ranges of an accept header, best first; those with quality 0 are refused ones. */
function accepted(header: string | undefined): readonly Range[] {
  return (header ?? '')
    .split(',', 32)
    .map((part): Range => {
      const [type = '', ...rest] = part.split(';').map((item) => item.trim());
      const parameters = new Map(
        rest.map((item) => {
          const [key = '', value = ''] = item.split('=', 2);
          return [key.toLowerCase(), value.replaceAll('"', '')] as const;
        }),
      );
      const quality = Number(parameters.get('q') ?? 1);
      return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
    })
    .filter(({ quality, type }) => quality > 0 && type !== '')
    .sort((a, b) => b.quality - a.quality);
}
