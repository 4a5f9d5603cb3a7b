/** Programs that are not npm packages and that some tests drive: found, installed where that is possible, or told how to get. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const toolNames = [
  'curl',
  'strace',
  'hvac',
  'hvac-app-id',
  'jinja',
  'zsh',
  'fish',
  'oathtool',
  'pgbouncer',
  'credstash',
  'credsmash',
  'berry',
  'aws',
  'check-jsonschema',
  'kubernetes-validate',
] as const;
export type ToolName = (typeof toolNames)[number];

export interface Tool {
  /** The program to start; undefined when it is not to be had. */
  readonly path: string | undefined;
  /** One line: how to get it. */
  readonly remedy: string;
}

export type Tools = Readonly<Record<ToolName, Tool>>;

declare module 'vitest' {
  interface ProvidedContext {
    readonly tools: Tools;
  }
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const hvacVersion = '2.4.0';
const jinjaVersion = '3.1.6';
/** The last one that Debian had with the calls of App-ID. */
const hvacWithAppId = '0.11.2';
/** An installation that takes longer has failed: a registry that does not answer must not hold the tests for ever. */
const patience = 180_000;

export function findTools(say: (line: string) => void): Tools {
  const tools: Tools = {
    curl: debianTool('curl', say),
    strace: usableStrace(debianTool('strace', say)),
    hvac: pythonWith('hvac', hvacVersion, say),
    'hvac-app-id': pythonWith('hvac', hvacWithAppId, say),
    jinja: pythonWith('jinja2', jinjaVersion, say),
    zsh: debianTool('zsh', say),
    fish: debianTool('fish', say),
    oathtool: debianTool('oathtool', say),
    pgbouncer: debianTool('pgbouncer', say),
    credstash: pythonProgram('credstash', '1.17.1', say),
    // Without Jinja it has no templates, and says nothing of it.
    credsmash: pythonProgram('credsmash', '3.0.1', say, ['jinja2==3.1.6']),
    // Its wheel: the other package of it does not install any more.
    berry: pythonProgram(
      'stups-berry',
      '1.0.28',
      say,
      ['boto3==1.44.5', 'dnspython==2.9.2', 'PyYAML==6.0.3'],
      'berry',
    ),
    aws: pythonProgram('awscli', '1.46.3', say, [], 'aws'),
    // Both bring the schemas along that others publish.
    'check-jsonschema': pythonProgram('check-jsonschema', '0.39.0', say),
    'kubernetes-validate': pythonProgram('kubernetes-validate', '1.37.0', say),
  };
  for (const name of toolNames) {
    const { path, remedy } = tools[name];
    if (path === undefined) say(`tests that need ${name} do not run; to change that, ${remedy}`);
  }
  return tools;
}

/** Where processes may not be traced (some containers), having strace is of no use. */
function usableStrace(strace: Tool): Tool {
  if (strace.path === undefined) return strace;
  const tried = spawnSync(strace.path, ['-f', '-o', '/dev/null', 'true'], { stdio: 'ignore' });
  if (tried.status === 0) return strace;
  return {
    path: undefined,
    remedy: 'let processes be traced, such as with: docker run --cap-add SYS_PTRACE',
  };
}

function debianTool(name: string, say: (line: string) => void): Tool {
  const remedy = `install ${name}, such as with: apt-get install ${name}`;
  if (found(name) === undefined) installDebian(name, say);
  return { path: found(name), remedy };
}

function found(name: string): string | undefined {
  // Servers lie where a person's PATH may not lead.
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin'].filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

export function installDebian(name: string, say: (line: string) => void): void {
  if (process.getuid?.() !== 0 || found('apt-get') === undefined) return;
  say(`installing ${name} with apt-get`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', name], {
      env,
      timeout: patience,
      stdio: 'ignore',
    });
  if (install().status === 0) return;
  spawnSync('apt-get', ['update'], { env, timeout: patience, stdio: 'ignore' });
  if (install().status !== 0) say(`apt-get could not install ${name}`);
}

/** A Python with a package in it. */
function pythonWith(name: string, version: string, say: (line: string) => void): Tool {
  const { directory, remedy } = pythonHome(name, version);
  const python = join(directory, 'bin', 'python');
  if (!works(python, name)) makePython(name, version, say);
  return { path: works(python, name) ? python : undefined, remedy };
}

/** A program that comes as a Python package, mostly of its own name, perhaps with other packages beside it. */
function pythonProgram(
  name: string,
  version: string,
  say: (line: string) => void,
  beside: readonly string[] = [],
  called: string = name,
): Tool {
  const { directory, remedy } = pythonHome(name, version);
  const program = join(directory, 'bin', called);
  const complete = join(directory, `complete-${beside.length}`);
  if (!(existsSync(complete) && isAtHome(program, directory)) && makePython(name, version, say, beside)) {
    writeFileSync(complete, '');
  }
  return { path: existsSync(program) ? program : undefined, remedy };
}

/** A copied environment runs the Python of the place that it was copied from, for as long as that is there. */
function isAtHome(program: string, directory: string): boolean {
  // Its first line, or the second where the way there is long.
  return existsSync(program) && readFileSync(program, 'utf8').slice(0, 2_000).includes(directory);
}

/** Kept below `node_modules` for the next run. */
function pythonHome(name: string, version: string): { readonly directory: string; readonly remedy: string } {
  return {
    directory: join(root, 'node_modules', '.cache', `coffer-${name}-${version}`),
    remedy: `install Python 3 with venv, and let pip reach an index that has ${name} ${version}`,
  };
}

/** A Python of its own with a package in it. */
function makePython(
  name: string,
  version: string,
  say: (line: string) => void,
  beside: readonly string[] = [],
): boolean {
  const { directory } = pythonHome(name, version);
  say(`making a Python environment with ${name} ${version}`);
  const run = (command: string, args: readonly string[]) =>
    spawnSync(command, args, { timeout: patience, stdio: 'ignore' }).status === 0;
  if (!run('python3', ['-m', 'venv', '--clear', directory])) {
    installDebian('python3-venv', say);
    run('python3', ['-m', 'venv', '--clear', directory]);
  }
  const wanted = [`${name}==${version}`, ...beside];
  return run(join(directory, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', ...wanted]);
}

function works(python: string, name: string): boolean {
  return existsSync(python) && spawnSync(python, ['-c', `import ${name}`], { stdio: 'ignore' }).status === 0;
}
