import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compiled } from '../../native/test/programs.ts';
import { root } from './machine.ts';

const EXAMPLES = join(root, 'examples', 'programs');

/** A folder for `programs_path`, with examples of the repository in it. Removed at the end. */
export class ProgramsFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'bpflow-programs-'));

  /** Adds an example, its description edited, under its own name or another. Returns the description's path. */
  add(example: string, edit: (text: string) => string = (text) => text, name = example): string {
    const object = compiled(join(EXAMPLES, `${example}.bpf.c`), {
      target: join(root, 'build', 'examples', `${example}.bpf.o`),
    });
    copyFileSync(object, join(this.path, `${name}.bpf.o`));
    return this.write(`${name}.yaml`, edit(readFileSync(join(EXAMPLES, `${example}.yaml`), 'utf8')));
  }

  write(file: string, text: string): string {
    const path = join(this.path, file);
    writeFileSync(path, text);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}
