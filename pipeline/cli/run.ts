import { releaseMemory } from '../../sdk/transport/collect.ts';
import { createAgent, type RunningAgent } from '../agent.ts';
import { hostMemory } from '../plugins/container.ts';
import type { ReadAgain } from '../reload.ts';
import type { Arguments } from './arguments.ts';
import { agentOptions, readConfiguration } from './configuration.ts';
import { summary } from './summary.ts';

/** Runs what a configuration says. Resolves to the exit status once the agent has stopped. */
export async function run({ config, set }: Arguments): Promise<number> {
  const read = async (): Promise<ReadAgain> => {
    const { plan, service, warnings } = await readConfiguration({ config, set });
    return { options: { plan, ...agentOptions(service) }, warnings };
  };
  const terminal = process.stdout.isTTY ? process.stdout : undefined;
  return runAgent(await read(), read, terminal);
}

/**
 * Runs an agent until a signal ends it, and resolves to the exit status; SIGHUP reads the configuration again. Throws what
 * kept it from starting.
 */
async function runAgent(
  { options, warnings }: ReadAgain,
  read: () => Promise<ReadAgain>,
  terminal: NodeJS.WriteStream | undefined,
): Promise<number> {
  // Timers and listeners of the agent do not keep the process alive; this does.
  const alive = setInterval(() => {}, 2 ** 30);
  const handlers = new Handlers();
  try {
    const agent = await createAgent(options);
    const asked = handlers.install(agent, read);
    for (const warning of warnings) agent.log.warn(warning);
    const memory = await hostMemory();
    // What only loading needed of Node's program must not add to what the start needs, nor that to what stays.
    memory.releaseMappedFiles();
    await agent.start();
    if (!asked.aborted) terminal?.write(summary(agent));
    memory.releaseMappedFiles();
    const settled = setTimeout(() => {
      releaseMemory();
      memory.releaseMappedFiles();
    }, SETTLED_AFTER_MS);
    await stopped(asked);
    clearTimeout(settled);
    await agent.stop();
    return 0;
  } finally {
    clearInterval(alive);
    handlers.remove();
    endSoon();
  }
}

/** What a component has left open must not keep the process: the timer fires only where something does. */
function endSoon(): void {
  setTimeout(() => process.exit(), 500).unref();
}

/** By then the first collection and the first scrapes are over. */
const SETTLED_AFTER_MS = 2000;

function stopped(asked: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (asked.aborted) resolve();
    else asked.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** What the process does on signals and on errors that nothing handled, while an agent runs. */
class Handlers {
  readonly #installed: { readonly event: string; readonly handler: Listener }[] = [];

  /** Returns a signal that is aborted when the agent is to stop. Asked a second time, the process ends at once. */
  install(agent: RunningAgent, read: () => Promise<ReadAgain>): AbortSignal {
    const asked = new AbortController();
    const stop = (signal: string): void => {
      if (asked.signal.aborted) {
        agent.log.warn('Asked to stop a second time: ending at once.', { signal });
        process.exit(1);
      }
      agent.log.info('Received signal from OS.', { signal });
      asked.abort();
    };
    this.#on('SIGTERM', stop);
    this.#on('SIGINT', stop);
    this.#on('SIGHUP', (signal: string) => {
      agent.log.info('Received signal from OS.', { signal });
      void agent.reload(read);
    });
    this.#on('uncaughtException', (error: Error) => agent.unhandled('uncaughtException', error));
    this.#on('unhandledRejection', (reason: unknown) => agent.unhandled('unhandledRejection', reason));
    return asked.signal;
  }

  remove(): void {
    for (const { event, handler } of this.#installed) process.removeListener(event, handler);
  }

  #on(event: string, handler: Listener): void {
    process.on(event, handler);
    this.#installed.push({ event, handler });
  }
}

type Listener = Parameters<NodeJS.EventEmitter['on']>[1];
