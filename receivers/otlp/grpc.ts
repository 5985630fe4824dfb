import { SIGNALS, type Signal } from 'bpflow/sdk';
import { GRPC, GrpcError, type GrpcMethod } from 'bpflow/transport';
import { type Intake, UndecodableError } from './intake.ts';

const SERVICES: Readonly<Record<Signal, string>> = {
  metrics: 'opentelemetry.proto.collector.metrics.v1.MetricsService',
  logs: 'opentelemetry.proto.collector.logs.v1.LogsService',
  traces: 'opentelemetry.proto.collector.trace.v1.TraceService',
};
const PROFILES = '/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export';

/** `Export…ServiceResponse` without a partial success: no field, so no bytes. */
const ACCEPTED = new Uint8Array(0);

/** The services of the signals that are wired; the others are unknown to this server, as in the Collector. */
export function otlpMethods(intake: Intake): ReadonlyMap<string, GrpcMethod> {
  const methods = new Map<string, GrpcMethod>();
  for (const signal of SIGNALS) {
    if (intake.takes(signal)) methods.set(`/${SERVICES[signal]}/Export`, exportMethod(signal, intake));
  }
  methods.set(PROFILES, {
    refusal: () => new GrpcError(GRPC.UNIMPLEMENTED, 'profiles are not supported; send metrics, logs or traces'),
    handle: () => ACCEPTED,
  });
  return methods;
}

function exportMethod(signal: Signal, intake: Intake): GrpcMethod {
  const fail = (error: unknown): never => {
    if (!(error instanceof UndecodableError)) throw error;
    throw new GrpcError(GRPC.INTERNAL, `grpc: error unmarshalling request: ${error.message}`, { cause: error });
  };
  return {
    refusal: () => intake.refusal(signal),
    handle({ message, abort, peer }) {
      try {
        const accepted = intake.take(signal, message, { abort, peer });
        return accepted instanceof Promise ? accepted.then(() => ACCEPTED) : ACCEPTED;
      } catch (error) {
        return fail(error);
      }
    },
  };
}
