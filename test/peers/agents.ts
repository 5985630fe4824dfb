import { join } from 'node:path';
import { RunningProgram } from './program.ts';
import { pathOf, root } from './programs.ts';

/** A Collector's configuration. What only one of the agents knows is added by `start`. */
export type Configuration = Readonly<Record<string, unknown>> & {
  readonly service: Readonly<Record<string, unknown>>;
};

/** An agent that reads a Collector's configuration. */
export interface Agent {
  readonly name: 'otelcol' | 'bpflow';
  /** The command and the arguments with which it runs a configuration. */
  command(configuration: Configuration): readonly string[];
}

export const otelcol: Agent = {
  name: 'otelcol',
  command: (configuration) => [pathOf('otelcol'), '--config', `yaml:${JSON.stringify(configuration)}`],
};

/** The sources; with `BPFLOW_DIST=1` in the environment what `npm run build` made. */
export const bpflow: Agent = {
  name: 'bpflow',
  command: (configuration) => [
    process.execPath,
    join(root, 'bin', 'bpflow'),
    ...['run', '--config', `yaml:${JSON.stringify(withoutAdmin(configuration))}`],
  ],
};

/** Without it the Collector knows no pipelines of profiles. */
export const profilesGate = '--feature-gates=service.profilesSupport';

/** Both, the reference first. */
export const agents: readonly Agent[] = [otelcol, bpflow];

/** Runs the agent and waits until it takes data. */
export async function start(agent: Agent, configuration: Configuration): Promise<RunningProgram> {
  const program = new RunningProgram(agent.command(configuration));
  await program.says('Everything is ready.');
  return program;
}

function withoutAdmin({ service, ...rest }: Configuration): Configuration {
  return { ...rest, service: { admin: { endpoint: 'none' }, ...service } };
}
