import { objectFolder, openObject } from '../../receivers/ebpf/kernel/objects.ts';
import { asError } from '../../sdk/index.ts';
import { bpf, isBefore, skip } from './machine.ts';

/** Why programs at the end of functions cannot be had here; false when they can: one is attached to find it out. */
export const fexitObstacle: string | false = skip || reasonAgainstFexit();

/** Why what UDP and UNIX sockets carry is not counted here; false when it is. */
export const messagesObstacle: string | false = skip || (isBefore(6, 3) && fexitObstacle);

function reasonAgainstFexit(): string | false {
  const program = 'socket_send_inet_fexit';
  using object = openObject(bpf, 'net', { folder: objectFolder(), btfPath: '' }, !isBefore(5, 12));
  for (const each of object.programNames) object.setAutoload(each, each === program);
  if (isBefore(5, 11)) {
    object.setAutocreate('task_states', false);
    object.setGlobal('use_task_storage', false);
  }
  try {
    object.load();
    object.program(program).attach().close();
    return false;
  } catch (error) {
    return `needs programs at the end of functions: ${asError(error).message}`;
  }
}
