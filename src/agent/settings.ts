/** What the agent is told, out of its configuration file. Times are in milliseconds, paths absolute. */
import { basename } from 'node:path';
import { type ReadFile, readConfigFile } from '../config/file.ts';
import { argv, boolean, choice, path, url } from '../config/kinds.ts';
import type { Problem } from '../config/problem.ts';
import { duration } from '../config/quantities.ts';
import { isNoted, notePath } from './change-note.ts';
import type { DocumentName } from './document.ts';
import { documentNames } from './document.ts';
import type { Rights } from './files.ts';
import { type LoginSettings, readLogin } from './login-settings.ts';
import { apiPath, applicationId, fileMode, signalName, someOf, textOf, word } from './setting-kinds.ts';
import { SettingsTable } from './settings-table.ts';
import { parseSource, type SourceAddress } from './source-address.ts';

export interface ServerSettings {
  readonly address: string;
  /** A file of PEM certificates. */
  readonly ca: string | undefined;
  readonly serverName: string | undefined;
  readonly namespace: string | undefined;
  readonly timeout: number;
}

/** How somebody is told of a change. */
export type ChangeSettings =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals; readonly pidFile: string }
  | { readonly kind: 'command'; readonly command: readonly string[] }
  /** The program of `[exec]`. */
  | { readonly kind: 'exec' };

interface OutputSettings {
  readonly rights: Rights;
  readonly onChange: ChangeSettings | undefined;
}

export interface ApplicationSettings extends OutputSettings {
  readonly id: string;
  readonly source: SourceAddress;
  readonly directory: string;
  readonly documents: readonly DocumentName[];
}

export interface TemplateSettings extends OutputSettings {
  readonly source: string;
  readonly destination: string;
  /** The kv mount that its secrets are below. */
  readonly mount: string;
}

export interface ExecSettings {
  readonly command: readonly string[];
  /** What a change of its secrets, or an output that says so, does to it. */
  readonly onChange:
    | { readonly kind: 'restart' }
    | { readonly kind: 'signal'; readonly signal: NodeJS.Signals };
  /** How long it has to end before it is killed. */
  readonly stopAfter: number;
  readonly environment: readonly VariableSettings[];
}

export interface VariableSettings {
  readonly name: string;
  /** Mount and path of a secret. */
  readonly path: string;
  /** A bare value unless told. */
  readonly field: string | undefined;
}

export interface AgentSettings {
  readonly interval: number;
  readonly server: ServerSettings | undefined;
  readonly login: LoginSettings | undefined;
  readonly report: { readonly mount: string; readonly reader: string } | undefined;
  readonly socket: { readonly path: string; readonly mode: number } | undefined;
  readonly exec: ExecSettings | undefined;
  readonly applications: readonly ApplicationSettings[];
  readonly templates: readonly TemplateSettings[];
}

/** What is looked up on this host. */
export interface SettingsSurroundings {
  readonly hostname: string;
  /** Users and groups by name or number. Throws `usage`. */
  idOf(kind: 'owner' | 'group', text: string): number;
}

export interface LoadedAgent {
  /** To be used only when there are no problems. */
  readonly settings: AgentSettings;
  readonly problems: readonly Problem[];
}

/** Everything that is wrong is in `problems`; nothing is thrown. */
export function loadAgent(file: string, surroundings: SettingsSurroundings): LoadedAgent {
  return resolveAgent(readConfigFile(file), surroundings);
}

/** The same for a file that was read already. */
export function resolveAgent(read: ReadFile, surroundings: SettingsSurroundings): LoadedAgent {
  const problems = [...read.problems];
  if (read.file === undefined) return { settings: nothing, problems };
  const top = new SettingsTable(read.file, read.file.values, [], problems);
  const settings: AgentSettings = {
    interval: top.or('interval', duration(1_000, 86_400_000), nothing.interval),
    server: readServer(top.table('server')),
    login: readLogin(top.table('login')),
    report: readReport(top.table('report'), surroundings.hostname),
    socket: readSocket(top.table('socket')),
    exec: readExec(top.table('exec')),
    applications: top
      .tables('application')
      .map((table) => readApplication(table, surroundings))
      .filter((each) => each !== undefined),
    templates: top
      .tables('template')
      .map((table) => readTemplate(table, surroundings))
      .filter((each) => each !== undefined),
  };
  top.end();
  if (problems.length === 0) combine(settings, top);
  return { settings, problems: problems.toSorted(byPlace) };
}

function byPlace(a: Problem, b: Problem): number {
  return (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0);
}

const nothing: AgentSettings = {
  interval: 60_000,
  server: undefined,
  login: undefined,
  report: undefined,
  socket: undefined,
  exec: undefined,
  applications: [],
  templates: [],
};

function readServer(table: SettingsTable | undefined): ServerSettings | undefined {
  if (table === undefined) return undefined;
  const address = table.required('address', url);
  const server = {
    ca: table.optional('ca', path),
    serverName: table.optional('server_name', word),
    namespace: table.optional('namespace', apiPath),
    timeout: table.or('timeout', duration(100, 600_000), 30_000),
  };
  table.end();
  return address === undefined ? undefined : { address, ...server };
}

function readReport(table: SettingsTable | undefined, hostname: string): AgentSettings['report'] {
  if (table === undefined) return undefined;
  const report = {
    mount: table.or('mount', apiPath, 'service-users'),
    reader: table.or('reader', word, hostname.replace(/[^\w.-]/g, '-')),
  };
  table.end();
  return report;
}

function readSocket(table: SettingsTable | undefined): AgentSettings['socket'] {
  if (table === undefined) return undefined;
  const place = table.required('path', path);
  const mode = table.or('mode', socketMode, 0o600);
  table.end();
  return place === undefined ? undefined : { path: place, mode };
}

/** Who may connect to a socket is who may write to it. */
const socketMode = {
  ...fileMode,
  looks: '"0600", "0660" or "0666"',
  read: (value: unknown) => {
    const mode = ['0600', '0660', '0666'].find((each) => each === value);
    return mode === undefined
      ? { problem: 'must be "0600", "0660" or "0666"' }
      : { value: Number.parseInt(mode, 8) };
  },
};

const variableName = /^[A-Za-z_]\w{0,199}$/;

function readExec(table: SettingsTable | undefined): ExecSettings | undefined {
  if (table === undefined) return undefined;
  const command = table.required('command', argv);
  const isRestart = table.or('on_change', choice(['restart', 'signal']), 'restart') === 'restart';
  const signal = table.or('signal', signalName, 'SIGHUP');
  const stopAfter = table.or('stop_after', duration(100, 600_000), 10_000);
  const variables = table.table('environment');
  const environment = (variables?.texts() ?? []).flatMap(([name, text]) => {
    const [, mount = '', field] = /^coffer:([^#]+)(?:#(.+))?$/.exec(text) ?? [];
    if (!variableName.test(name)) variables?.problem(`${name.slice(0, 60)} can be no variable`, name);
    else if (!('value' in apiPath.read(mount, '')) || !mount.includes('/'))
      variables?.problem(`${name} must be an address such as coffer:secret/shop/db#password`, name);
    else return [{ name, path: mount, field }];
    return [];
  });
  table.end();
  if (command === undefined) return undefined;
  return {
    command,
    onChange: isRestart ? { kind: 'restart' } : { kind: 'signal', signal },
    stopAfter,
    environment,
  };
}

function readApplication(
  table: SettingsTable,
  surroundings: SettingsSurroundings,
): ApplicationSettings | undefined {
  const id = table.required('id', applicationId);
  const address = table.required('source', textOf(/^\S{1,1000}$/, sourceForms));
  const source = address === undefined ? undefined : parseSource(address);
  if (source !== undefined && 'problem' in source) table.problem(`source ${source.problem}`, 'source');
  const directory = table.required('directory', path);
  const documents = table.or('documents', someOf(documentNames), documentNames);
  const output = readOutput(table, surroundings);
  table.end();
  if (id === undefined || directory === undefined || source === undefined || 'problem' in source)
    return undefined;
  return { id, source, directory, documents, ...output };
}

const sourceForms = 'an address such as coffer:secret/apps or s3://BUCKET?region=eu-central-1';

function readTemplate(
  table: SettingsTable,
  surroundings: SettingsSurroundings,
): TemplateSettings | undefined {
  const source = table.required('source', path);
  const destination = table.required('destination', path);
  const mount = table.or('mount', apiPath, 'secret');
  const output = readOutput(table, surroundings);
  table.end();
  return source === undefined || destination === undefined
    ? undefined
    : { source, destination, mount, ...output };
}

function readOutput(table: SettingsTable, { idOf }: SettingsSurroundings): OutputSettings {
  const id = (name: string, kind: 'owner' | 'group') => {
    const text = table.optional(name, idText);
    if (text === undefined) return undefined;
    try {
      return idOf(kind, text);
    } catch (error) {
      table.problem(`${name}: ${error instanceof Error ? error.message : ''}`, name);
      return undefined;
    }
  };
  const owner = id('readable_by', 'owner');
  const group = id('group', 'group');
  const mode = table.or('mode', fileMode, group === undefined ? 0o400 : 0o440);
  return { rights: { mode, owner, group }, onChange: readChange(table.table('on_change')) };
}

/** A number is as good as its text. */
const idText = {
  ...word,
  read: (value: unknown) => word.read(typeof value === 'number' ? String(value) : value, ''),
};

function readChange(table: SettingsTable | undefined): ChangeSettings | undefined {
  if (table === undefined) return undefined;
  const command = table.optional('command', argv);
  const signal = table.optional('signal', signalName);
  const pidFile = table.optional('pid_file', path);
  const exec = table.optional('exec', boolean) === true;
  table.end();
  const isSignal = signal !== undefined && pidFile !== undefined;
  const ways = [command !== undefined, isSignal, exec].filter(Boolean).length;
  if (ways !== 1 || (signal !== undefined) !== (pidFile !== undefined)) {
    table.problem('on_change is one of: signal with pid_file, command, exec = true');
    return undefined;
  }
  if (command !== undefined) return { kind: 'command', command };
  return isSignal ? { kind: 'signal', signal, pidFile } : { kind: 'exec' };
}

/** What only shows where all is known. */
function combine(settings: AgentSettings, top: SettingsTable): void {
  const { applications, templates, exec, server, login, report, socket } = settings;
  if (applications.length === 0 && templates.length === 0 && exec === undefined)
    top.problem('there is nothing to do: no [[application]], no [[template]], no [exec]');
  const needsServer =
    templates.length > 0 ||
    report !== undefined ||
    (exec?.environment.length ?? 0) > 0 ||
    applications.some(({ source }) => source.kind === 'coffer');
  if (needsServer && (server === undefined || login === undefined))
    top.problem('[server] with an address and [login] are needed for what is read from a server');
  const noted = templates
    .filter(({ onChange }) => isNoted(onChange))
    .map(({ destination }) => notePath(destination));
  const notes = [...new Set(noted)];
  // NAME_MAX of Linux's file systems.
  for (const long of notes.filter((note) => Buffer.byteLength(basename(note)) > 255))
    top.problem(
      `a destination’s name is too long for the note that on_change needs beside it: ${basename(long).slice(0, 30)}…`,
    );
  const places = [
    ...applications.map(({ directory }) => directory),
    ...templates.map(({ destination }) => destination),
    ...notes,
    ...(socket === undefined ? [] : [socket.path]),
  ];
  for (const twice of new Set(places.filter((place, at) => places.indexOf(place) !== at)))
    top.problem(`${twice} is the place of two`);
  const ids = applications.map(({ id }) => id);
  for (const twice of new Set(ids.filter((id, at) => ids.indexOf(id) !== at)))
    top.problem(`the application ${twice} is there twice`);
  const telling = [...applications, ...templates].some(({ onChange }) => onChange?.kind === 'exec');
  if (telling && exec === undefined) top.problem('on_change says exec = true, and there is no [exec]');
}
