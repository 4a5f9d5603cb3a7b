/** `coffer agent`. */
import { hostname } from 'node:os';
import { systemFiles } from '../agent/files.ts';
import type { OpenSurroundings } from '../agent/open-agent.ts';
import type { AgentSettings } from '../agent/settings.ts';
import { loadAgent } from '../agent/settings.ts';
import { usageError } from '../cli/args.ts';
import { defineCommand } from '../cli/command.ts';
import { parseOwner } from '../cli/render/owner.ts';
import { type Shell, variable } from '../cli/shell.ts';
import { systemClock } from '../clock.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import type { Logger, LogLevel } from '../log.ts';
import { serverOpener } from './agent-server.ts';
import { problemJson, refuseWith } from './refuse-with.ts';

/** As `logLevels`: its file brings the whole log along, which one round has no use for. */
const levels = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

export const command = defineCommand({
  summary: 'Keep credentials and files of secrets up to date on this host',
  details: [
    "Fetches applications' credentials from a server's kv secrets or from buckets, renders templates, and writes what changed: " +
      'both files of an application at one moment, each whole. What cannot be fetched stays as it was. Applications are told ' +
      'by a signal or a command, or run as the program of [exec].',
    'It logs in by AppRole, a signed identity of AWS, a JWT or a token that a file holds, and keeps its own token alive.',
    '--once does one round: 0 says that all is as it should be. Otherwise the code is that of the first that failed: 3 not ' +
      'there, 4 refused, 9 away or disk full, 2 not writable, 7 no credentials in it. `coffer agent status` asks the one that runs, at its ' +
      'socket.',
  ],
  operands: { ACTION: 'optional' },
  options: {
    config: { type: 'text', value: 'FILE', help: 'configuration file, TOML (COFFER_AGENT_CONFIG)' },
    check: { type: 'flag', help: 'check the configuration, and stop' },
    once: { type: 'flag', help: 'do one round, and end' },
    socket: { type: 'text', value: 'PATH', help: 'with status: where the agent answers' },
    'log-level': { type: 'text', value: 'LEVEL', choices: levels, help: 'least level of the log (info)' },
  },
  examples: [
    'coffer agent --config /etc/coffer/agent.toml',
    'coffer agent --config /etc/coffer/agent.toml --once',
    'coffer agent status --socket /run/coffer-agent/socket',
  ],
  async run({ options, operands }, shell) {
    const file = options.config ?? variable(shell.env, 'COFFER_AGENT_CONFIG');
    if (operands.ACTION === 'status') return showStatus(options.socket, file, shell);
    if (operands.ACTION !== undefined) throw usageError('agent', 'the only word behind agent is status');
    if (options.socket !== undefined) throw usageError('agent', '--socket goes with status');
    if (options.check && options.once) throw usageError('agent', '--check does no round');
    // On its way while the configuration is read.
    const loading = import('../agent/open-agent.ts');
    loading.catch(() => undefined);
    const settings = settingsOf(file, options.check, shell);
    if (options.check) return tellSound(settings, shell);
    if (options.once) return once(settings, shell);
    const { openLogger } = await import('../log.ts');
    const level = levels.find((each) => each === options['log-level']) ?? 'info';
    const terminal = shell.stderr.isTTY === true;
    const log = openLogger({ level, terminal, write: (line) => void shell.stderr.write(line) });
    shell.endWith(await serve(settings, await surroundingsOf(settings, shell, log)));
  },
});

function settingsOf(file: string | undefined, isCheck: boolean, shell: Shell): AgentSettings {
  if (file === undefined) throw usageError('agent', 'say what to do: --config FILE');
  const { settings, problems } = loadAgent(file, { hostname: hostname(), idOf: parseOwner });
  if (problems.length > 0) {
    if (isCheck && shell.ui.format === 'json')
      shell.ui.json({ valid: false, problems: problems.map(problemJson) });
    refuseWith(problems, shell);
  }
  return settings;
}

function tellSound({ applications, templates, exec }: AgentSettings, shell: Shell): void {
  const rows = [
    ...applications.map(({ id, directory }) => ['application', id, directory]),
    ...templates.map(({ source, destination }) => ['template', source, destination]),
    ...(exec === undefined ? [] : [['exec', exec.command[0] ?? '', exec.onChange.kind]]),
  ];
  shell.ui.table(['KIND', 'WHAT', 'WHERE'], rows, { valid: true });
  shell.ui.talk('The configuration is sound.');
}

async function surroundingsOf(settings: AgentSettings, shell: Shell, log: Logger): Promise<OpenSurroundings> {
  return {
    programs: await programsOf(settings, shell),
    log,
    clock: systemClock,
    now: systemClock.now,
    jitter: Math.random,
    async pause(milliseconds, signal) {
      const { setTimeout: pause } = await import('node:timers/promises');
      await pause(milliseconds, undefined, { signal });
    },
    files: systemFiles,
    uid: process.getuid?.() ?? 0,
    newName,
    env: shell.env,
    openClient: serverOpener(settings.server, log),
    async awsProof(region, serverId) {
      const { signedProof } = await import('../cli/aws-login.ts');
      return signedProof(shell, { region, 'server-id': serverId });
    },
  };
}

/** What starts programs is loaded where some are named: it costs a round without them a tenth of its time. */
async function programsOf(
  { applications, templates, exec }: AgentSettings,
  shell: Shell,
): Promise<OpenSurroundings['programs']> {
  const named = exec !== undefined || [...applications, ...templates].some(({ onChange }) => onChange);
  if (named) return (await import('./agent-programs.ts')).agentPrograms(shell.env);
  const none = () => {
    throw new CofferError('internal', 'the configuration names no program');
  };
  return { start: none, signal: none };
}

/** Milliseconds, and 20 bits that tell names of one millisecond apart. They are in directories of our own, so that they need not be hard to guess. */
function newName(): string {
  const name = BigInt(Date.now()) * 2n ** 20n + BigInt(Math.floor(Math.random() * 2 ** 20));
  return name.toString(16).padStart(16, '0');
}

async function once(settings: AgentSettings, shell: Shell): Promise<void> {
  const { openAgent } = await import('../agent/open-agent.ts');
  // A program that would go on is none of one round.
  using opened = await openAgent(
    { ...settings, exec: undefined },
    await surroundingsOf(settings, shell, roundLog(shell)),
  );
  const [first, ...others] = await opened.agent.round();
  for (const { message } of others) shell.ui.warn(message);
  if (first !== undefined) throw first;
}

/** A round that somebody watches: what was done, in words. What failed is the command's own end. */
function roundLog({ ui }: Shell): Logger {
  const line = (message: string, { name }: Readonly<Record<string, unknown>>) =>
    typeof name === 'string' ? `${name}: ${message}` : message;
  return {
    debug: () => undefined,
    info: (message, fields = {}) => ui.talk(line(message, fields)),
    warn: (message, fields = {}) => {
      if (!('reason' in fields && 'code' in fields)) ui.warn(line(message, fields));
    },
    error: (message, fields = {}) => ui.warn(line(message, fields)),
  };
}

async function serve(settings: AgentSettings, surroundings: OpenSurroundings): Promise<number> {
  const { openAgent } = await import('../agent/open-agent.ts');
  using opened = await openAgent(settings, surroundings);
  const { agent, child, applications } = opened;
  const over = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    // A program in front of a terminal has what is typed there already.
    if (child?.isRunning === true)
      return signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal);
    over.abort();
  };
  const pass = (signal: NodeJS.Signals) => {
    if (child?.isRunning === true) child.kill(signal);
    else if (signal === 'SIGHUP') agent.hurry();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  // Without a listener Node would open its inspector at SIGUSR1.
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const)
    process.on(signal, pass);
  const socket = await openSocketOf(
    settings,
    { describe: () => agent.describe(), applications },
    surroundings,
  );
  surroundings.log.info('agent started', {
    applications: settings.applications.length,
    templates: settings.templates.length,
  });
  try {
    return await agent.run(over.signal);
  } finally {
    await socket?.close();
    surroundings.log.info('agent stopped');
  }
}

async function openSocketOf(
  { socket }: AgentSettings,
  shown: Parameters<typeof import('../agent/status-socket.ts').openSocket>[1],
  { files, uid }: OpenSurroundings,
): Promise<{ close(): Promise<void> } | undefined> {
  if (socket === undefined) return undefined;
  const { openSocket } = await import('../agent/status-socket.ts');
  const withMask = (mask: number, action: () => void) => {
    const before = process.umask(mask);
    try {
      action();
    } finally {
      process.umask(before);
    }
  };
  return openSocket(socket, shown, { files, uid, withMask });
}

async function showStatus(named: string | undefined, file: string | undefined, shell: Shell): Promise<void> {
  const path = named ?? (file === undefined ? undefined : settingsOf(file, false, shell).socket?.path);
  if (path === undefined)
    throw usageError('agent', 'say where the agent answers: --socket PATH, or --config FILE with a [socket]');
  const { askStatus } = await import('../agent/status-socket.ts');
  const status = await askStatus(path);
  const outputs = Array.isArray(status['outputs'])
    ? (status['outputs'] as readonly JsonValue[]).filter(isJsonObject)
    : [];
  const heading = ['KIND', 'NAME', 'CHECKED', 'CHANGED', 'ERROR', 'TOLD'];
  const names = ['kind', 'name', 'checked', 'changed', 'error', 'told'];
  shell.ui.table(
    heading,
    outputs.map((output) => names.map((name) => shown(output, name))),
    status,
  );
}

function shown(output: JsonObject, name: string): string {
  const value = output[name] ?? null;
  return value === null ? '-' : String(value);
}
