import { stringify } from 'yaml';
import { SIGNALS, type Signal } from '../../pdata/signals.ts';
import type { ComponentSpec, Stability } from '../../sdk/component.ts';
import type { ComponentKind } from '../../sdk/scope.ts';
import { version } from '../../sdk/version.ts';
import { SCHEMES } from '../config/uri.ts';
import { BUILT_IN } from '../errors.ts';
import { builtIns } from '../manifest.ts';
import { Catalogue, type CatalogueEntry } from '../plugins/catalogue.ts';
import type { Arguments } from './arguments.ts';
import { loadWithPlugins } from './configuration.ts';

/** Prints the components of this agent, with `--config` also those of its plugins. */
export async function components({ config, set }: Arguments): Promise<number> {
  const catalogue = config.length === 0 ? new Catalogue(builtIns) : (await loadWithPlugins({ config, set })).catalogue;
  process.stdout.write(await listComponents(catalogue, SCHEMES));
  return 0;
}

/** What `bpflow components` prints: YAML in the Collector's form. */
export async function listComponents(catalogue: Catalogue, providers: readonly string[]): Promise<string> {
  const document: Record<string, unknown> = {
    buildinfo: {
      command: 'bpflow',
      description: 'A telemetry agent whose first source is the Linux kernel.',
      version,
    },
  };
  for (const kind of KINDS) document[`${kind}s`] = (await catalogue.all(kind)).map(describe);
  document['providers'] = [...providers].sort().map((scheme) => ({ scheme, module: `bpflow ${version}` }));
  return stringify(document, { indent: 4 });
}

const KINDS: readonly ComponentKind[] = ['receiver', 'processor', 'exporter', 'connector', 'extension'];

function describe({ spec, plugin }: CatalogueEntry): unknown {
  return {
    name: spec.type,
    module: plugin === BUILT_IN ? `bpflow ${version}` : plugin,
    stability: stability(spec),
  };
}

function stability(spec: ComponentSpec): Readonly<Record<string, string>> {
  const level = capitalised(spec.stability);
  switch (spec.kind) {
    case 'receiver':
      return bySignal((signal) => spec.produces.includes(signal), level);
    case 'processor':
    case 'exporter':
      return bySignal((signal) => spec.consumes.includes(signal), level);
    case 'connector':
      return levels(
        SORTED_SIGNALS.flatMap((from) =>
          SORTED_SIGNALS.map((to) => ({
            name: `${from}-to-${to}`,
            signals: [from, to],
            has: spec.connects.some((pair) => pair.from === from && pair.to === to),
          })),
        ),
        level,
      );
    case 'extension':
      return { extension: level };
    default:
      return spec satisfies never;
  }
}

const SORTED_SIGNALS = [...SIGNALS].sort();

function bySignal(has: (signal: Signal) => boolean, level: string): Readonly<Record<string, string>> {
  return levels(
    SORTED_SIGNALS.map((signal) => ({ name: signal, signals: [signal], has: has(signal) })),
    level,
  );
}

/** The Collector's list is of metrics, logs and traces; profiles stand in ours where there are any. */
function levels(
  rows: readonly { readonly name: string; readonly signals: readonly Signal[]; readonly has: boolean }[],
  level: string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    rows
      .filter(({ signals, has }) => has || !signals.includes('profiles'))
      .map(({ name, has }) => [name, has ? level : 'Undefined']),
  );
}

function capitalised(text: Stability): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
