import { printConfig } from '../config/print.ts';
import type { Arguments } from './arguments.ts';
import { readConfiguration } from './configuration.ts';

export async function print({ config, set, format, mode }: Arguments): Promise<number> {
  const { loaded, resolved } = await readConfiguration({ config, set });
  process.stdout.write(printConfig(loaded.tree, resolved, { format: format === 'json' ? 'json' : 'yaml', mode }));
  return 0;
}
