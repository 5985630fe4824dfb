import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';

const root = dirname(import.meta.dirname);
const folder = mkdtempSync(join(tmpdir(), 'bpflow setup '));
after(() => rmSync(folder, { recursive: true, force: true }));
const isRoot = process.getuid?.() === 0;
const notRoot = isRoot ? false : 'needs root';
const buildTools = ['clang', 'llvm-strip', 'gcc', 'g++', 'make', 'm4', 'bzip2'];
const headers = ['libelf.h', 'zlib.h', 'bpf/libbpf.h'];
const lock = '{ "packages": { "": {}, "node_modules/zod": { "version": "4.6.7", "integrity": "sha512-x" } } }';

describe('scripts/setup.sh', () => {
  test('installs, builds and then has nothing left to say', { skip: notRoot }, () => {
    const machine = new Machine('apt', { tools: ['apt-get', 'apt-cache', 'npm'] });
    const first = machine.setUp();
    assert.equal(first.status, 0, first.stderr);
    assert.match(first.stdout, /^setup: installing clang-16 llvm gcc g\+\+ make m4 bzip2 \.\.\. done/);
    assert.deepEqual(machine.calls(), [
      'apt-get install clang-16 llvm gcc g++ make m4 bzip2',
      'npm ci --loglevel=error',
      'build-libbpf.sh',
      'build-bpf.sh',
      'build-addon.sh',
    ]);

    const second = machine.setUp();
    assert.deepEqual([second.status, second.stdout, second.stderr], [0, '', '']);
    assert.deepEqual(machine.calls(), ['build-libbpf.sh', 'build-bpf.sh', 'build-addon.sh']);
  });

  test('fetches the package lists only when they lack a package', { skip: notRoot }, () => {
    const machine = new Machine('stale lists', { tools: ['apt-get', 'apt-cache', 'npm'], knows: 'nothing' });
    assert.equal(machine.setUp().status, 0);
    assert.match(machine.calls().slice(0, 2).join('; '), /^apt-get update; apt-get install clang-16 llvm /);
  });

  test('takes the unversioned clang where the release has no clang-16', { skip: notRoot }, () => {
    const machine = new Machine('other release', { tools: ['apt-get', 'apt-cache', 'npm'], lacks: 'clang-16' });
    assert.equal(machine.setUp().status, 0);
    assert.match(machine.calls()[0]!, /^apt-get install clang llvm /);
  });

  test('asks for the libraries of the system where the release is not Debian', { skip: notRoot }, () => {
    const machine = new Machine('derived', {
      release: 'ubuntu',
      tools: ['apt-get', 'apt-cache', 'npm', ...buildTools],
    });
    assert.equal(machine.setUp().status, 0);
    assert.equal(machine.calls()[0], 'apt-get install libelf-dev zlib1g-dev libbpf-dev');
  });

  test('asks dnf and apk for their own names', { skip: notRoot }, () => {
    const fedora = new Machine('dnf', { release: 'fedora', tools: ['dnf', 'npm'] });
    assert.equal(fedora.setUp().status, 0);
    assert.match(
      fedora.calls()[0]!,
      /^dnf install -y clang llvm gcc gcc-c\+\+ .*elfutils-libelf-devel zlib-devel libbpf-devel$/,
    );
    const alpine = new Machine('apk', { release: 'alpine', tools: ['apk', 'npm'] });
    assert.equal(alpine.setUp().status, 0);
    assert.match(
      alpine.calls()[0]!,
      /^apk add clang llvm gcc musl-dev linux-headers g\+\+ .*elfutils-dev zlib-dev libbpf-dev$/,
    );
  });

  test('without root prints the command and goes on', { skip: notRoot }, () => {
    const machine = new Machine('user', { tools: ['apt-get', 'apt-cache', 'npm', ...buildTools.slice(1)], headers });
    machine.tool('node', 'exit 1'); // The user may not be allowed to run ours.
    const { status, stderr } = machine.setUp([], { asUser: true });
    assert.equal(status, 1);
    assert.equal(
      stderr,
      'setup: system packages are missing; as root run: apt-get install -y --no-install-recommends clang-16\n',
    );
    assert.deepEqual(machine.calls(), ['npm ci --loglevel=error', 'build-libbpf.sh', 'build-bpf.sh', 'build-addon.sh']);
  });

  test('says when there is no package manager it knows', () => {
    const machine = new Machine('none', { tools: ['npm', ...buildTools.slice(1)], headers });
    const { status, stderr } = machine.setUp();
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^setup: these are missing, and there is no apt-get, dnf or apk to install them: clang-16\.\n/,
    );
  });

  test('a step that fails shows the end of its output, and the next ones are done', () => {
    const machine = new Machine('failing', { tools: ['apt-get', 'npm', ...buildTools], headers });
    machine.tool('npm', 'echo "no network" >&2; exit 1');
    machine.script('build-bpf.sh', 'echo "clang: too old" >&2; exit 1');
    const { status, stdout, stderr } = machine.setUp();
    assert.equal(status, 1);
    assert.equal(stdout, 'setup: npm ci ... failed\n');
    assert.equal(
      stderr,
      '    no network\n' +
        'setup: npm ci failed; all of its output is in build/setup/npm.log.\n' +
        'clang: too old\n' +
        'setup: the BPF objects could not be built; the reason is above. Again: scripts/build-bpf.sh\n',
    );
    assert.deepEqual(machine.calls(), ['build-libbpf.sh', 'build-addon.sh']);
  });

  test('keeps packages that are installed as locked, and installs again when the lock changes', () => {
    const machine = new Machine('lock', { tools: ['apt-get', 'npm', ...buildTools], headers });
    machine.installPackages();
    assert.equal(machine.setUp().status, 0);
    assert.ok(!machine.calls().includes('npm ci --loglevel=error'));
    machine.write('package-lock.json', lock.replace('4.6.7', '4.6.8'));
    assert.equal(machine.setUp().status, 0);
    assert.ok(machine.calls().includes('npm ci --loglevel=error'));
  });

  test('runs the install script of the package `node` where npm held it back', () => {
    const machine = new Machine('held back', { tools: ['apt-get', 'npm', ...buildTools], headers });
    machine.tool('npm', `${note('npm $1')}\n${installed}\n[[ $1 == rebuild ]] || rm node_modules/node/bin/node`);
    const { status, stdout } = machine.setUp();
    assert.equal(status, 0);
    assert.match(stdout, /npm rebuild node \(its install script was held back\) \.\.\. done/);
    assert.deepEqual(machine.calls().slice(0, 2), ['npm ci', 'npm rebuild']);
  });

  test('mounts what is missing of tracefs and bpffs', { skip: notRoot }, () => {
    const machine = new Machine('mounts', { tools: ['apt-get', 'npm', 'mount', ...buildTools], headers });
    machine.setUp();
    machine.calls();
    machine.mounted('bpf /sys/fs/bpf bpf rw 0 0');
    assert.match(machine.setUp().stdout, /^setup: mounted tracefs at .*\/sys\/kernel\/tracing\.\n$/);
    assert.match(machine.calls().at(-1)!, /^mount -t tracefs tracefs .*\/sys\/kernel\/tracing$/);
    machine.mounted('bpf /sys/fs/bpf bpf rw 0 0\ntracefs /sys/kernel/tracing tracefs rw 0 0');
    assert.equal(machine.setUp().stdout, '');
  });

  test('a second set-up at the same time waits for the first', () => {
    const machine = new Machine('twice', { tools: ['apt-get', 'npm', ...buildTools], headers });
    machine.script('build-bpf.sh', 'echo started >>log; sleep 0.3; echo ended >>log');
    const both = spawnSync('bash', ['-c', 'bash scripts/setup.sh & bash scripts/setup.sh; wait'], machine.options());
    assert.match(both.stdout, /setup: another set-up is running in this checkout; waiting for it\.\n/);
    assert.equal(readFileSync(join(machine.checkout, 'log'), 'utf8'), 'started\nended\nstarted\nended\n');
  });

  test('refuses an argument it does not know', () => {
    const { status, stderr } = new Machine('misuse', { tools: [] }).setUp(['--tests']);
    assert.equal(status, 2);
    assert.equal(stderr, "setup: unknown argument '--tests'; use --test, --check or nothing.\n");
  });

  test('package-lock.json has the packages of every platform, without which `npm ci` refuses it', () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const lost = Object.entries<{ optionalDependencies?: object }>(packages).flatMap(
      ([path, { optionalDependencies = {} }]) =>
        Object.keys(optionalDependencies)
          .filter((name) => !(`${path}/node_modules/${name}` in packages) && !(`node_modules/${name}` in packages))
          .map((name) => `${path}: ${name}`),
    );
    assert.deepEqual(lost, []);
  });

  test('in this checkout a further run prints nothing', () => {
    const again = spawnSync('bash', ['scripts/setup.sh'], { cwd: root, encoding: 'utf8' });
    assert.deepEqual([again.stdout, again.stderr, again.status], ['', '', 0]);
  });
});

interface MachineOptions {
  /** Commands that exist besides the shell's tools. */
  readonly tools: readonly string[];
  readonly headers?: readonly string[];
  /** `nothing`: apt knows no package before an update. */
  readonly knows?: 'nothing';
  /** `debian` by default. */
  readonly release?: string;
  /** A package that this release does not have. */
  readonly lacks?: string;
}

/** A checkout, its path with a space, on a machine whose package managers and build scripts only note their calls. */
class Machine {
  readonly checkout: string;
  readonly #home: string;

  constructor(
    name: string,
    { tools, headers: present = [], release = 'debian', knows, lacks = 'none' }: MachineOptions,
  ) {
    this.#home = join(folder, name);
    this.checkout = join(this.#home, 'check out');
    mkdirSync(join(this.checkout, 'scripts'), { recursive: true });
    for (const file of ['setup.sh', 'installed-as-locked.js']) {
      cpSync(join(root, 'scripts', file), join(this.checkout, 'scripts', file));
    }
    this.write('package.json', '{ "type": "module" }');
    this.write('package-lock.json', lock);
    for (const script of ['build-libbpf.sh', 'build-bpf.sh', 'build-addon.sh']) this.script(script, note(script));

    for (const command of shellTools) this.tool(command, `exec ${systemPath(command)} "$@"`);
    this.tool('node', `exec '${process.execPath}' "$@"`);
    for (const tool of tools) this.tool(tool, behaviour(tool, lacks));
    for (const header of present) this.#place(`usr/include/${header}`, '');
    this.#place('etc/os-release', `ID=${release}\nID_LIKE=debian\n`);
    if (knows !== 'nothing') writeFileSync(join(this.#home, 'lists'), '');
  }

  tool(name: string, body: string): void {
    const path = join(this.#home, 'bin', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `#!/bin/bash\n${body}\n`);
    chmodSync(path, 0o755);
  }

  script(name: string, body: string): void {
    this.write(`scripts/${name}`, body);
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.checkout, file), text);
  }

  installPackages(): void {
    this.#run(['bash', '-c', installed]);
  }

  setUp(args: readonly string[] = [], { asUser = false } = {}) {
    if (!asUser) return this.#run(['bash', 'scripts/setup.sh', ...args]);
    chmodSync(folder, 0o755);
    spawnSync('chown', ['-R', '65534', this.#home]);
    return this.#run(['setpriv', '--reuid=65534', '--clear-groups', '/bin/bash', 'scripts/setup.sh', ...args]);
  }

  mounted(lines: string): void {
    for (const path of ['proc/self', 'sys/fs/bpf', 'sys/kernel/tracing']) {
      mkdirSync(join(this.#home, path), { recursive: true });
    }
    writeFileSync(join(this.#home, 'proc/self/mounts'), `${lines}\n`);
  }

  /** What was called since the last time. */
  calls(): readonly string[] {
    const log = join(this.#home, 'calls');
    if (!existsSync(log)) return [];
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    rmSync(log);
    return lines;
  }

  options() {
    const env = { PATH: join(this.#home, 'bin'), HOME: this.#home, MACHINE: this.#home, SYSROOT: this.#home };
    return { cwd: this.checkout, encoding: 'utf8', env } as const;
  }

  #run([command, ...args]: readonly string[]) {
    return spawnSync(systemPath(command!), args, this.options());
  }

  #place(file: string, text: string): void {
    const path = join(this.#home, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

const shellTools = [
  'bash',
  'cat',
  'dirname',
  'flock',
  'head',
  'id',
  'mkdir',
  'rm',
  'sed',
  'sha256sum',
  'sleep',
  'tail',
  'touch',
  'chmod',
];

const installed = `mkdir -p node_modules/node/bin
cp package-lock.json node_modules/.package-lock.json 2>/dev/null || cat package-lock.json >node_modules/.package-lock.json
printf '#!/bin/bash\\necho v24.0.0\\n' >node_modules/node/bin/node
chmod +x node_modules/node/bin/node`;

function note(what: string): string {
  return `echo "${what}" >>"$MACHINE/calls"`;
}

/** What the stand-in of a tool does. */
function behaviour(tool: string, lacks: string): string {
  const provide = `for tool in ${buildTools.join(' ')}; do printf '#!/bin/bash\\n' >"$MACHINE/bin/$tool"; chmod +x "$MACHINE/bin/$tool"; done
for header in ${headers.join(' ')}; do mkdir -p "$MACHINE/usr/include/bpf"; touch "$MACHINE/usr/include/$header"; done`;
  switch (tool) {
    case 'apt-cache':
      return `[[ -e $MACHINE/lists && $2 != ${lacks} ]]`;
    case 'apt-get':
      return `words=(); while (($#)); do case $1 in -o) shift ;; -*) ;; *) words+=("$1") ;; esac; shift; done
${note(`apt-get \${words[*]}`)}
if [[ \${words[0]} == update ]]; then touch "$MACHINE/lists"; else ${provide}; fi`;
    case 'npm':
      return `${note('npm $*')}\n${installed}`;
    case 'mount':
      return note('mount $*');
    case 'dnf':
    case 'apk':
      return `${note(`${tool} $*`)}\n${provide}`;
    default:
      return '';
  }
}

function systemPath(command: string): string {
  const { stdout } = spawnSync('/bin/bash', ['-c', 'type -P "$1"', 'bash', command], { encoding: 'utf8' });
  const path = stdout.trim();
  assert.notEqual(path, '', `${command} is not installed here`);
  return path;
}
