import { eventProgram } from './event-program.ts';
import { eventStorm } from './event-storm.ts';
import { loneEvents } from './lone-event.ts';

/** What an event costs in the kernel, how long a lone one takes, and what becomes of too many. */
export async function run(rounds: number): Promise<void> {
  await eventProgram(Math.min(rounds, 3));
  await loneEvents();
  await eventStorm();
}
