import { parseArgs } from 'node:util';
import { PipelineError } from '../errors.ts';

export type Command =
  | 'run'
  | 'validate'
  | 'components'
  | 'print-config'
  | 'ledger'
  | 'map'
  | 'estimate'
  | 'plan'
  | 'explain'
  | 'version'
  | 'help';

export interface Arguments {
  readonly command: Command;
  /** Configuration URIs, in order. */
  readonly config: readonly string[];
  /** `key.path=value`, in order. */
  readonly set: readonly string[];
  readonly format: 'yaml' | 'json' | 'text' | 'dot' | 'mermaid';
  /** Path of a running agent's admin socket. */
  readonly admin: string;
  readonly mode: 'redacted' | 'unredacted';
  readonly validate: boolean;
  /** How long `estimate` looks, as written. */
  readonly for: string;
  /** What `explain` is asked for: `metric{label="value"}`. */
  readonly subject: string;
}

/** Reads the command line; without a command it is `run`, as in the Collector. Throws a PipelineError of code `usage`. */
export function parseArguments(args: readonly string[]): Arguments {
  const { tokens } = parseArgs({
    args: [...args],
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const words: string[] = [];
  const flags = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(OPTIONS, token.name)) throw usage(unknownFlag(token.rawName));
    const option = OPTIONS[token.name as keyof typeof OPTIONS];
    if (option.type === 'string' && token.value === undefined) throw usage(`flag needs an argument: ${token.rawName}`);
    if (option.type === 'boolean' && token.value !== undefined && token.name !== 'validate') {
      throw usage(`invalid argument "${token.value}" for "--${token.name}" flag: it takes none`);
    }
    flags.set(token.name, [...(flags.get(token.name) ?? []), token.value ?? 'true']);
  }
  return checked(words, flags);
}

const OPTIONS = {
  config: { type: 'string', multiple: true },
  set: { type: 'string', multiple: true },
  format: { type: 'string' },
  mode: { type: 'string' },
  admin: { type: 'string' },
  for: { type: 'string' },
  validate: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

const COMMANDS: Readonly<Record<string, Command>> = {
  run: 'run',
  validate: 'validate',
  components: 'components',
  'print-config': 'print-config',
  'print-initial-config': 'print-config',
  ledger: 'ledger',
  map: 'map',
  estimate: 'estimate',
  plan: 'plan',
  explain: 'explain',
  version: 'version',
  help: 'help',
};

/** Flags of commands that build on a configuration. */
const SHARED_FLAGS: readonly string[] = ['config', 'set'];

const OWN_FLAGS: Readonly<Partial<Record<Command, readonly string[]>>> = {
  'print-config': [...SHARED_FLAGS, 'format', 'mode', 'validate'],
  ledger: ['admin', 'format'],
  map: ['admin', 'format'],
  estimate: [...SHARED_FLAGS, 'for', 'format'],
  plan: [...SHARED_FLAGS, 'format'],
  explain: ['admin', 'format'],
};

/** Commands that print for people unless told otherwise. */
const FOR_PEOPLE: ReadonlySet<Command> = new Set(['ledger', 'estimate', 'plan', 'explain']);

/** That of `service.admin.endpoint`. */
const DEFAULT_ADMIN = '/run/bpflow/bpflow.sock';

function checked(words: readonly string[], flags: ReadonlyMap<string, readonly string[]>): Arguments {
  const [word, ...more] = words;
  const named = word === undefined ? undefined : Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  if (word !== undefined && named === undefined) throw usage(`unknown command "${word}" for "bpflow"`, HINT);
  const command = flags.has('help')
    ? 'help'
    : flags.has('version')
      ? 'version'
      : (named ?? (flags.size > 0 ? 'run' : 'help'));
  const [subject = '', ...rest] = command === 'explain' ? more : ['', ...more];
  if (rest.length > 0 && named !== 'help') {
    throw usage(`unexpected argument "${rest[0]}" after "${word}"`, HINT);
  }
  if (command === 'explain' && subject === '') {
    throw usage('explain needs a metric: bpflow explain \'ebpf_syscall_count{syscall="read"}\'', HINT);
  }
  if (command !== 'help' && command !== 'version') {
    const own = OWN_FLAGS[command] ?? SHARED_FLAGS;
    for (const flag of flags.keys()) if (!own.includes(flag)) throw usage(unknownFlag(`--${flag}`));
  }
  return {
    command,
    config: flags.get('config') ?? [],
    set: (flags.get('set') ?? []).map(withEqualSign),
    format: FOR_PEOPLE.has(command)
      ? oneOf('format', flags, ['text', 'json'])
      : command === 'map'
        ? oneOf('format', flags, ['text', 'dot', 'mermaid', 'json'])
        : oneOf('format', flags, ['yaml', 'json']),
    admin: flags.get('admin')?.at(-1) ?? DEFAULT_ADMIN,
    mode: oneOf('mode', flags, ['redacted', 'unredacted']),
    validate: oneOf('validate', flags, ['true', 'false']) === 'true',
    for: flags.get('for')?.at(-1) ?? '1m',
    subject,
  };
}

function oneOf<const T extends string>(
  flag: string,
  flags: ReadonlyMap<string, readonly string[]>,
  values: readonly [T, ...T[]],
): T {
  const written = flags.get(flag)?.at(-1) ?? values[0];
  const value = values.find((candidate) => candidate === written);
  if (value === undefined)
    throw usage(`invalid argument "${written}" for "--${flag}" flag: use ${values.join(' or ')}`);
  return value;
}

function withEqualSign(text: string): string {
  if (!text.includes('=')) throw usage(`invalid argument "${text}" for "--set" flag: missing equal sign`);
  return text;
}

function unknownFlag(rawName: string): string {
  return rawName.startsWith('--')
    ? `unknown flag: ${rawName}`
    : `unknown shorthand flag: '${rawName.slice(1)}' in ${rawName}`;
}

const HINT = "Run 'bpflow --help' for usage.";

function usage(...lines: readonly string[]): PipelineError {
  return new PipelineError('usage', lines.join('\n'));
}
