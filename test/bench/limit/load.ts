/** load.ts OBJECT: loads and attaches every program of an object, prints READY, stays until it is told to end. */
import { loadBpf } from '../../../native/index.ts';

const object = loadBpf().open(process.argv[2] ?? '');
object.load();
for (const name of object.programNames) object.program(name).attach();
process.stdout.write('READY\n');
process.on('SIGTERM', () => process.exit(0));
setInterval(() => {}, 1 << 30);
