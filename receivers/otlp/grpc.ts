import { EXPORT_CALLS, SIGNALS, type Signal } from 'bpflow/sdk';
import { GRPC, GrpcError, type GrpcMethod } from 'bpflow/transport';
import { metadataOf } from './client-metadata.ts';
import { type Intake, UndecodableError } from './intake.ts';

/** `Export…ServiceResponse` without a partial success: no field, so no bytes. */
const ACCEPTED = new Uint8Array(0);

/** The services of the signals that are wired; the others are unknown to this server, as in the Collector. */
export function otlpMethods(intake: Intake, includeMetadata: boolean): ReadonlyMap<string, GrpcMethod> {
  const methods = new Map<string, GrpcMethod>();
  for (const signal of SIGNALS) {
    if (intake.takes(signal)) methods.set(EXPORT_CALLS[signal].method, exportMethod(signal, intake, includeMetadata));
  }
  return methods;
}

function exportMethod(signal: Signal, intake: Intake, includeMetadata: boolean): GrpcMethod {
  const fail = (error: unknown): never => {
    if (!(error instanceof UndecodableError)) throw error;
    throw new GrpcError(GRPC.INTERNAL, `grpc: error unmarshalling request: ${error.message}`, { cause: error });
  };
  return {
    refusal: () => intake.refusal(signal),
    handle({ message, headers, abort, peer }) {
      try {
        const accepted = intake.take(signal, message, {
          abort,
          client: { address: peer, metadata: includeMetadata ? metadataOf(headers) : undefined },
        });
        return accepted instanceof Promise ? accepted.then(() => ACCEPTED) : ACCEPTED;
      } catch (error) {
        return fail(error);
      }
    },
  };
}
