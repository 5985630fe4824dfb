import { z } from 'zod';
import { secret } from '../../config-types.ts';

/** `headers:` of requests that go out. The values are secrets; numbers must be quoted, as in the Collector. */
export function headersSettings() {
  const single = z.record(z.string().min(1), secret());
  const list = z
    .array(
      z.strictObject({
        name: z.string().min(1).describe('Name of the header.'),
        value: secret().describe('Its value.'),
      }),
    )
    .transform((headers) => Object.fromEntries(headers.map(({ name, value }) => [name, value])));
  return z
    .union([single, list])
    .nullish()
    .transform((headers): Readonly<Record<string, string>> => headers ?? {});
}

/** `names:` and `temporality:` of exporters that send OTLP. */
export function ownMetricsSettings() {
  return {
    names: z
      .enum(['otel', 'seed'])
      .default('otel')
      .describe(
        "Names and units of the agent's own metrics: otel (ebpf.syscall.duration, in s) or the short ones, seed (ebpf_syscall_latency_ns).",
      ),
    temporality: z
      .enum(['auto', 'cumulative', 'delta'])
      .default('auto')
      .describe(
        "auto: the agent's own metrics are cumulative, foreign ones are passed on as they came. cumulative, delta: all are converted.",
      ),
  };
}

/** What the core converts to before an exporter with this setting. */
export function wantedTemporality(temporality: 'auto' | 'cumulative' | 'delta') {
  return temporality === 'auto' ? 'own_cumulative' : temporality;
}
