import { version } from '../sdk/version.ts';
import { type Arguments, parseArguments } from './cli/arguments.ts';
import { HELP } from './cli/help.ts';
import { keepYoungGenerationSmall } from './cli/memory.ts';

/**
 * The command line. Resolves to the exit status: 0, what a command defines, or 1 after an error, which is one block on standard error that begins
 * with `Error: `. What a command does not need is not imported.
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await execute(parseArguments(args));
  } catch (error) {
    const { describeError } = await import('./cli/describe-error.ts');
    process.stderr.write(`Error: ${describeError(error)}\n`);
    return 1;
  }
}

async function execute(parsed: Arguments): Promise<number> {
  switch (parsed.command) {
    case 'help':
      process.stdout.write(HELP);
      return 0;
    case 'version':
      process.stdout.write(`bpflow version ${version}\n`);
      return 0;
    case 'run': {
      keepYoungGenerationSmall();
      const { run } = await import('./cli/run.ts');
      return run(parsed);
    }
    case 'validate': {
      const { validate } = await import('./cli/validate.ts');
      return validate(parsed);
    }
    case 'components': {
      const { components } = await import('./cli/components.ts');
      return components(parsed);
    }
    case 'print-config': {
      const { print } = await import('./cli/print-config.ts');
      return print(parsed);
    }
    case 'ledger': {
      const { ledger } = await import('./cli/ledger.ts');
      return ledger(parsed);
    }
    case 'map': {
      const { map } = await import('./cli/map.ts');
      return map(parsed);
    }
    case 'estimate': {
      const { estimate } = await import('./cli/estimate.ts');
      return estimate(parsed);
    }
    case 'plan': {
      const { plan } = await import('./cli/plan.ts');
      return plan(parsed);
    }
    case 'explain': {
      const { explain } = await import('./cli/explain.ts');
      return explain(parsed);
    }
    default:
      return parsed.command satisfies never;
  }
}
