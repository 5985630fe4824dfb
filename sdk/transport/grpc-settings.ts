import { z } from 'zod';
import { duration } from '../config-types.ts';
import type { GrpcKeepalive } from './grpc-connection.ts';

/** `keepalive:` of a gRPC server, with the Collector's keys and grpc-go's defaults. */
export function grpcKeepaliveSettings() {
  const forever = (text: string) => duration().optional().describe(text);
  return z
    .strictObject({
      server_parameters: z
        .strictObject({
          max_connection_idle: forever('A connection without calls is asked to end after this. Default: never.'),
          max_connection_age: forever(
            'Every connection is asked to end at this age, give or take a tenth. Default: never.',
          ),
          max_connection_age_grace: forever('It is cut off when it has not ended so long after that. Default: never.'),
          time: duration()
            .prefault('2h')
            .describe('A silent client is asked for a sign of life after this. At least 1s.'),
          timeout: duration().prefault('20s').describe('It is cut off when none comes within this.'),
        })
        .nullish()
        .describe('How long connections live.'),
      enforcement_policy: z
        .strictObject({
          min_time: duration().prefault('5m').describe('Clients may not ask for a sign of life more often than this.'),
          permit_without_stream: z.boolean().default(false).describe('Whether they may while they have no call.'),
        })
        .nullish()
        .describe('What clients may do; those that do more are told too_many_pings and cut off.'),
    })
    .nullish();
}

export type GrpcKeepaliveSettings = z.output<ReturnType<typeof grpcKeepaliveSettings>>;

/** Zero means the default, as in grpc-go. */
export function grpcKeepalive(settings: GrpcKeepaliveSettings): GrpcKeepalive {
  const server = settings?.server_parameters;
  const policy = settings?.enforcement_policy;
  const or = (ms: number | undefined, otherwise: number): number => (ms === undefined || ms === 0 ? otherwise : ms);
  return {
    maxConnectionIdleMs: or(server?.max_connection_idle, Number.POSITIVE_INFINITY),
    maxConnectionAgeMs: or(server?.max_connection_age, Number.POSITIVE_INFINITY),
    maxConnectionAgeGraceMs: or(server?.max_connection_age_grace, Number.POSITIVE_INFINITY),
    timeMs: Math.max(1000, or(server?.time, 2 * 3_600_000)),
    timeoutMs: or(server?.timeout, 20_000),
    minTimeMs: or(policy?.min_time, 5 * 60_000),
    permitWithoutStream: policy?.permit_without_stream ?? false,
  };
}
