import { spawnSync } from 'node:child_process';

/** Before a command that is to run in real time, in turns with others that do; undefined where that is not permitted. */
export function realTime(): readonly string[] | undefined {
  const command = ['chrt', '--rr', '1'];
  return spawnSync(command[0]!, [...command.slice(1), 'true']).status === 0 ? command : undefined;
}

/** Gives this process real time or takes it back, with the threads that collect its garbage. */
export function setRealTime(on: boolean): void {
  spawnSync('chrt', [on ? '--rr' : '--other', '--all-tasks', '--pid', on ? '1' : '0', String(process.pid)]);
}
