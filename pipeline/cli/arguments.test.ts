import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseArguments } from './arguments.ts';

describe('the command line', () => {
  it('reads command and flags in any order', () => {
    const { command, config, set } = parseArguments([
      '--config',
      'a.yaml',
      'validate',
      '--config=yaml:x',
      '--set',
      'a.b=c=d',
    ]);
    assert.deepEqual({ command, config, set }, { command: 'validate', config: ['a.yaml', 'yaml:x'], set: ['a.b=c=d'] });
  });

  const commands: readonly (readonly [args: string[], command: string])[] = [
    [[], 'help'],
    [['--config', 'a'], 'run'],
    [['run'], 'run'],
    [['components'], 'components'],
    [['print-config'], 'print-config'],
    [['print-initial-config'], 'print-config'],
    [['estimate', '--config', 'a', '--for', '30s', '--format', 'json'], 'estimate'],
    [['map', '--admin', 'a.sock', '--format', 'mermaid'], 'map'],
    [['plan', '--config', 'a', '--format', 'json'], 'plan'],
    [['explain', 'a{b="c"}', '--admin', 'x'], 'explain'],
    [['-v'], 'version'],
    [['--version'], 'version'],
    [['run', '-h'], 'help'],
    [['help', 'run'], 'help'],
  ];
  for (const [args, command] of commands) {
    it(`"${args.join(' ')}" means ${command}`, () => assert.equal(parseArguments(args).command, command));
  }

  it('knows the flags of print-config and their defaults', () => {
    assert.deepEqual(pick(parseArguments(['print-config'])), ['yaml', 'redacted', true]);
    assert.deepEqual(
      pick(parseArguments(['print-config', '--format', 'json', '--mode=unredacted', '--validate=false'])),
      ['json', 'unredacted', false],
    );
  });

  const wrong: readonly (readonly [args: string[], message: string])[] = [
    [['nosuchcmd'], 'unknown command "nosuchcmd" for "bpflow"\nRun \'bpflow --help\' for usage.'],
    [['constructor'], 'unknown command "constructor" for "bpflow"\nRun \'bpflow --help\' for usage.'],
    [
      ['explain'],
      "explain needs a metric: bpflow explain 'ebpf_syscall_count{syscall=\"read\"}'\nRun 'bpflow --help' for usage.",
    ],
    [['explain', 'a', 'b'], 'unexpected argument "b" after "explain"\nRun \'bpflow --help\' for usage.'],
    [['run', 'more'], 'unexpected argument "more" after "run"\nRun \'bpflow --help\' for usage.'],
    [['--nosuchflag'], 'unknown flag: --nosuchflag'],
    [['--toString'], 'unknown flag: --toString'],
    [['-x'], "unknown shorthand flag: 'x' in -x"],
    [['run', '--config'], 'flag needs an argument: --config'],
    [['run', '--set', 'processors.batch'], 'invalid argument "processors.batch" for "--set" flag: missing equal sign'],
    [['run', '--format', 'json'], 'unknown flag: --format'],
    [['print-config', '--format', 'toml'], 'invalid argument "toml" for "--format" flag: use yaml or json'],
  ];
  for (const [args, message] of wrong) {
    it(`refuses "${args.join(' ')}"`, () =>
      assert.throws(() => parseArguments(args), { name: 'PipelineError', code: 'usage', message }));
  }
});

function pick({ format, mode, validate }: ReturnType<typeof parseArguments>) {
  return [format, mode, validate];
}
