/**
 * What the Dockerfile makes, made without an engine: its steps are carried out, or their equivalents where a step would ask a
 * registry, and the result lies in a folder that stands for the image's root. A step without an equivalent is an error.
 */
import { type ExecFileSyncOptions, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Outcome } from '../e2e/server-process.ts';
import { type Dockerfile, type Instruction, isSent, pairs, parseDockerfile, words } from './dockerfile.ts';
import { root } from './released-package.ts';

export const file: Dockerfile = parseDockerfile(
  readFileSync(join(root, 'deploy/container/Dockerfile'), 'utf8'),
);
export const ignore = readFileSync(join(root, '.dockerignore'), 'utf8');

/** Of the image's user. */
const uid = 10_001;
const isRoot = process.getuid?.() === 0;

export interface Running {
  readonly address: string;
  readonly stderr: () => string;
  stop(signal?: NodeJS.Signals): Promise<Outcome>;
}

export class Image implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'coffer-image-'));
  readonly #stages = new Map<string, string>();
  readonly #running = new Set<() => void>();
  readonly root = join(this.#folder, 'image');
  readonly env = new Map<string, string>();
  readonly volumes: string[] = [];
  #user = '';
  #health: readonly string[] = [];
  #entry: readonly string[] = [];
  #command: readonly string[] = [];

  constructor() {
    // The image's user has to come through.
    chmodSync(this.#folder, 0o755);
    try {
      for (const stage of file.stages) {
        const place = stage.name === undefined ? this.root : join(this.#folder, stage.name);
        mkdirSync(place);
        this.#stages.set(stage.name ?? '', place);
        let workdir = '/';
        for (const step of stage.instructions) {
          if (step.name === 'WORKDIR') workdir = step.text;
          mkdirSync(join(place, workdir), { recursive: true });
          this.#carryOut(step, place, join(place, workdir));
        }
      }
      // With a read-only root nobody writes what is not in a volume.
      if (!isRoot)
        for (const name of ['opt', 'usr']) spawnSync('chmod', ['-R', 'a-w', join(this.root, name)]);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  #carryOut({ name, text }: Instruction, place: string, workdir: string): void {
    switch (name) {
      case 'COPY':
        this.#copy(text, place, workdir);
        return;
      case 'RUN':
        run(text, place, workdir);
        return;
      case 'ENV':
        for (const [key, value] of pairs(text)) this.env.set(key, value);
        return;
      case 'VOLUME':
        this.volumes.push(...words(text));
        return;
      case 'USER':
        this.#user = text;
        return;
      case 'HEALTHCHECK':
        this.#health = words(text.slice(text.indexOf('CMD ') + 4));
        return;
      case 'ENTRYPOINT':
        this.#entry = words(text);
        return;
      case 'CMD':
        this.#command = words(text);
        return;
      case 'WORKDIR':
      case 'LABEL':
      case 'EXPOSE':
      case 'STOPSIGNAL':
        return;
      default:
        throw new Error(`an instruction without an equivalent: ${name}`);
    }
  }

  #copy(text: string, place: string, workdir: string): void {
    const [, stage, rest = ''] = /^(?:--from=(\S+) )?(.*)$/.exec(text) ?? [];
    const from = stage === undefined ? root : (this.#stages.get(stage) ?? '');
    const names = rest.split(' ');
    const target = names.pop() ?? '';
    const to = target.startsWith('/') ? join(place, target) : join(workdir, target);
    for (const name of names) {
      const source = join(from, name);
      const into = target.endsWith('/') && name !== '.' ? join(to, name.split('/').at(-1) ?? '') : to;
      mkdirSync(dirname(into), { recursive: true });
      if (name === 'package.json' || existsSync(source)) copyTree(source, into, stage === undefined);
      else throw new Error(`COPY names ${name}, which is not there`);
    }
  }

  /** Starts the entry point as the image's user, with volumes that are in `volumes`. */
  start(
    volumes: string,
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Running> {
    const child = this.#spawn(
      volumes,
      [...this.#entry, ...(command.length > 0 ? command : this.#command)],
      env,
    );
    let [stdout, stderr] = ['', ''];
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    const kill = () => void child.kill('SIGKILL');
    this.#running.add(kill);
    const ended = new Promise<Outcome>((resolve) => {
      child.once('close', (code) => {
        this.#running.delete(kill);
        resolve({ code: code ?? 137, stdout, stderr });
      });
    });
    return new Promise((resolve, reject) => {
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        stdout += chunk;
        const address = /^Serving (?:.* )?on (https?:\/\/\S+:\d+)/m.exec(stdout)?.[1];
        if (address === undefined) return;
        const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
          child.kill(signal);
          return ended;
        };
        resolve({ address, stderr: () => stderr, stop });
      });
      void ended.then(({ stderr: said }) => reject(new Error(`it did not serve: ${said}`)));
    });
  }

  /** Runs the health check in the same surroundings. */
  health(
    volumes: string,
    env: Readonly<Record<string, string>>,
    ...words: readonly string[]
  ): Promise<number> {
    return this.run(volumes, [...this.#health, ...words], env).then(({ code }) => code);
  }

  run(volumes: string, command: readonly string[], env: Readonly<Record<string, string>>): Promise<Outcome> {
    const child = this.#spawn(volumes, command, env);
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    return new Promise((resolve) => {
      child.once('close', (code) => resolve({ code: code ?? 137, stdout, stderr }));
    });
  }

  /** New volumes, with owner and mode that the image's folders give them. */
  makeVolumes(): string {
    const folder = mkdtempSync(join(this.#folder, 'volumes-'));
    chmodSync(folder, 0o755);
    for (const path of this.volumes) {
      mkdirSync(join(folder, path), { recursive: true });
      spawnSync('cp', [
        '--attributes-only',
        '--preserve=mode,ownership',
        '-T',
        '-r',
        join(this.root, path),
        join(folder, path),
      ]);
    }
    return folder;
  }

  /** A text with the paths of mounts led to `volumes`, and those of the program into the image. */
  place(volumes: string, text: string): string {
    return text
      .replace(
        /(?<![\w.-])\/(var\/lib\/coffer(?:-key)?|run\/(?:coffer|secrets)|etc\/coffer)(?![\w-])/g,
        `${volumes}/$1`,
      )
      .replace(/(?<![\w.-])\/(opt\/coffer|usr\/local\/bin)(?=\/)/g, `${this.root}/$1`);
  }

  #spawn(volumes: string, command: readonly string[], env: Readonly<Record<string, string>>) {
    const placed = (text: string) => this.place(volumes, text);
    const [program = '', ...args] = command.map(placed);
    const variables = Object.entries({ ...Object.fromEntries(this.env), ...env });
    return spawn(program === 'node' ? process.execPath : program, args, {
      cwd: '/',
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: placed('/var/lib/coffer-key'),
        TMPDIR: '/nonexistent',
        ...Object.fromEntries(variables.map(([name, value]) => [name, placed(value)])),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(isRoot ? { uid: Number(this.#user.split(':')[0]), gid: Number(this.#user.split(':')[1]) } : {}),
    });
  }

  [Symbol.dispose](): void {
    for (const kill of this.#running) kill();
    spawnSync('chmod', ['-R', 'u+w', this.#folder]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The context obeys .dockerignore; a stage is copied as it is. */
function copyTree(from: string, to: string, isContext: boolean): void {
  if (!isContext) {
    // Hard links where that can be: what is copied is not written to.
    if (spawnSync('cp', ['-alT', from, to], { stdio: 'ignore' }).status === 0) return;
    rmSync(to, { recursive: true, force: true });
    execFileSync('cp', ['-aT', from, to]);
    return;
  }
  const filter = (source: string): boolean => {
    const path = source.slice(root.length).replace(/^\/+/, '');
    if (path === '' || isSent(path, ignore)) return true;
    // A folder that holds something that is named.
    return ignore.split('\n').some((line) => line.startsWith(`!${path}/`));
  };
  if (!filter(from)) throw new Error(`COPY names ${from}, which .dockerignore keeps away`);
  cpSync(from, to, { recursive: true, filter });
}

/** What a step does, in `workdir` of the stage at `place`. */
function run(command: string, place: string, workdir: string): void {
  const inStage = (text: string) => text.replaceAll(/(^| )\/(opt|usr|var)\//g, `$1${place}/$2/`);
  const quietly: ExecFileSyncOptions = { cwd: workdir, stdio: ['ignore', 'ignore', 'inherit'] };
  if (command.startsWith('npm ci ')) {
    // That the lock file fits; the packages themselves are the checkout's.
    execFileSync(
      'npm',
      [...command.split(' ').slice(1), '--dry-run', '--offline', '--loglevel=error'],
      quietly,
    );
    symlinkSync(join(root, 'node_modules'), join(workdir, 'node_modules'));
  } else if (command === 'npm run build') {
    execFileSync('npm', ['run', '--silent', 'build'], quietly);
  } else if (command.startsWith('npm prune --omit=dev')) {
    pruneModules(workdir);
  } else if (/^(rm -rf|ln -s) /.test(command)) {
    mkdirSync(join(place, 'usr/local/bin'), { recursive: true });
    execFileSync('sh', ['-c', inStage(command)], quietly);
  } else if (command.startsWith('install -d -o 10001 -g 10001 ')) {
    execFileSync('sh', ['-c', inStage(isRoot ? command : command.replace(/-o \d+ -g \d+ /, ''))], quietly);
  } else if (!/^(groupadd|useradd) .*--[gu]id 10001 /.test(command)) {
    throw new Error(`a step without an equivalent: ${command}`);
  }
}

/** Only what the lock file has for running: a package that is missing among them shows when the program starts. */
function pruneModules(workdir: string): void {
  const lock = JSON.parse(readFileSync(join(workdir, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
  };
  const kept = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  rmSync(join(workdir, 'node_modules'));
  for (const [path] of kept) {
    const nested = path.lastIndexOf('/node_modules/') > 0;
    if (nested || !existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(workdir, path)), { recursive: true });
    copyTree(join(root, path), join(workdir, path), false);
  }
}

export { uid as imageUser };
