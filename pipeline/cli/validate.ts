import { checkPlan } from '../agent.ts';
import { withoutPasswords } from '../redact.ts';
import type { Arguments } from './arguments.ts';
import { readConfiguration } from './configuration.ts';

/** Checks a configuration and builds its pipelines without starting them. Silent when all is well, but for warnings on standard error. */
export async function validate({ config, set }: Arguments): Promise<number> {
  const { plan, warnings } = await readConfiguration({ config, set });
  await checkPlan(plan);
  for (const warning of warnings) process.stderr.write(`Warning: ${withoutPasswords(warning)}\n`);
  return 0;
}
