import type { ComponentId, ComponentKind, Health, ItemLedger, LogFields, Scope, ViewQuery } from '../scope.ts';
import type { Token } from '../tokens.ts';
import { version } from '../version.ts';
import { type FakeMeter, fakeMeter } from './fake-meter.ts';
import { type ManualClock, manualClock } from './manual-clock.ts';

export interface LogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields | undefined;
}

/** What a component declared about items, in order. */
export interface FakeItems extends ItemLedger {
  readonly drops: readonly { readonly count: number; readonly reason: string }[];
  readonly creations: readonly { readonly count: number; readonly reason: string }[];
  /** Sums of all declarations. */
  readonly totals: { readonly dropped: number; readonly created: number; readonly merged: number };
}

/** A scope outside any agent, which remembers what the component did with it. */
export interface FakeScope extends Scope {
  readonly clock: ManualClock;
  readonly meter: FakeMeter;
  readonly items: FakeItems;
  readonly logs: readonly LogEntry[];
  readonly healthReports: readonly Health[];
  readonly lastHealth: Health | undefined;
  /** Names of the published views. */
  readonly views: readonly string[];
  /** What a published view shows now, as the admin socket would print it. Throws for a name that was not published. */
  view(name: string, query?: ViewQuery): unknown;
}

export interface FakeScopeOptions {
  /** What follows the slash of the id. */
  readonly name?: string;
  readonly pipeline?: string;
  /** Services that the component finds; a test can also `provide` them later. */
  readonly services?: Iterable<readonly [Token<unknown>, unknown]>;
  /** Services that the component finds by the id of who provides them. */
  readonly extensions?: Iterable<readonly [Token<unknown>, string, unknown]>;
}

export function fakeScope(kind: ComponentKind = 'processor', type = 'test', options: FakeScopeOptions = {}): FakeScope {
  const logs: LogEntry[] = [];
  const reports: Health[] = [];
  const services = new Map<Token<unknown>, unknown>(options.services);
  const named = new Map<string, unknown>();
  for (const [token, extension, service] of options.extensions ?? [])
    named.set(`${token.description} ${extension}`, service);
  const find = <T>(token: Token<T>, extension?: string): T | undefined =>
    (extension === undefined ? services.get(token) : named.get(`${token.description} ${extension}`)) as T | undefined;
  const views = new Map<string, (query: ViewQuery) => unknown>();
  const log = (level: LogEntry['level']) => (message: string, fields?: LogFields) => {
    logs.push({ level, message, fields });
  };
  const id = componentId(kind, type, options.name ?? '');
  return {
    id,
    pipeline: options.pipeline,
    log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    meter: fakeMeter(),
    clock: manualClock(),
    items: fakeItems(),
    agent: { name: 'bpflow', version },
    get<T>(token: Token<T>, extension?: string): T {
      const service = find(token, extension);
      if (service !== undefined) return service;
      throw new Error(
        `Nobody provides ${token.description} to ${id}${extension === undefined ? '' : ` as ${extension}`}.`,
      );
    },
    find,
    provide(token, service) {
      services.set(token, service);
      named.set(`${token.description} ${id}`, service);
    },
    inspect: (name, view) => void views.set(name, view),
    health: (health) => void reports.push(health),
    logs,
    healthReports: reports,
    get lastHealth() {
      return reports.at(-1);
    },
    get views() {
      return [...views.keys()];
    },
    view(name, query = {}) {
      const view = views.get(name);
      if (view === undefined) throw new Error(`${id} publishes no view ${name}.`);
      return JSON.parse(JSON.stringify(view(query)));
    },
  };
}

function componentId(kind: ComponentKind, type: string, name: string): ComponentId {
  return Object.freeze({ kind, type, name, toString: () => (name === '' ? type : `${type}/${name}`) });
}

function fakeItems(): FakeItems {
  const drops: { count: number; reason: string }[] = [];
  const creations: { count: number; reason: string }[] = [];
  let merged = 0;
  const sum = (entries: readonly { readonly count: number }[]): number =>
    entries.reduce((total, { count }) => total + count, 0);
  return {
    dropped: (count, reason) => void (count > 0 && drops.push({ count, reason })),
    created: (count, reason) => void (count > 0 && creations.push({ count, reason })),
    merged: (count) => {
      merged += count;
    },
    drops,
    creations,
    get totals() {
      return { dropped: sum(drops), created: sum(creations), merged };
    },
  };
}
