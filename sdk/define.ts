import type { z } from 'zod';
import type { Signal } from '../pdata/signals.ts';
import type { ConnectorSpec, ExporterSpec, ExtensionSpec, ProcessorSpec, ReceiverSpec } from './component.ts';
import { version } from './version.ts';

/** The mark that tells a spec from any other object, across copies of the SDK. Its value is the SDK's version. */
export const SPEC_MARK = Symbol.for('bpflow:spec');

/** What the functions below return: the frozen spec with the mark. */
export type Defined<T> = Readonly<T> & { readonly [SPEC_MARK]: string };
type Without<T> = Omit<T, 'kind'>;

export function defineReceiver<S extends z.ZodType, K extends Signal>(
  spec: Without<ReceiverSpec<S, K>>,
): Defined<ReceiverSpec<S, K>> {
  return mark({ kind: 'receiver', ...spec });
}

export function defineProcessor<S extends z.ZodType, K extends Signal>(
  spec: Without<ProcessorSpec<S, K>>,
): Defined<ProcessorSpec<S, K>> {
  return mark({ kind: 'processor', ...spec });
}

export function defineExporter<S extends z.ZodType, K extends Signal>(
  spec: Without<ExporterSpec<S, K>>,
): Defined<ExporterSpec<S, K>> {
  return mark({ kind: 'exporter', ...spec });
}

export function defineConnector<S extends z.ZodType>(spec: Without<ConnectorSpec<S>>): Defined<ConnectorSpec<S>> {
  return mark({ kind: 'connector', ...spec });
}

export function defineExtension<S extends z.ZodType>(spec: Without<ExtensionSpec<S>>): Defined<ExtensionSpec<S>> {
  return mark({ kind: 'extension', ...spec });
}

function mark<T extends object>(spec: T): Defined<T> {
  return Object.freeze({ ...spec, [SPEC_MARK]: version });
}
