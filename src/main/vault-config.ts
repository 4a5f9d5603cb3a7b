/**
 * A configuration file of the old server, HCL or JSON, as ours: each of its keys becomes a setting, is known to mean nothing here
 * and is said so, or is refused at its line. Nothing is passed over in silence: what somebody relies on must not be missing.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ReadFile, readConfigText } from '../config/file.ts';
import type { KeyPath, Place } from '../config/key-places.ts';
import { type Problem, problemIn } from '../config/problem.ts';
import { table } from '../config/table.ts';
import { type HclMember, type HclObject, type HclValue, parseHcl } from '../core/policy/hcl.ts';
import { asCofferError } from '../errors.ts';
import { suggest } from '../suggest.ts';
import { type KeyReading, type KeyRule, listenerKeys, serverKeys } from './vault-keys.ts';
import { readAwskms } from './vault-seal.ts';
import { readConsul } from './vault-storage.ts';

export interface VaultConfig extends ReadFile {
  /** What was read and has no effect, and what people should know: one line each. */
  readonly notes: readonly string[];
  /** Absolute; where the process id is kept while the server serves. */
  readonly pidFile: string | undefined;
}

/** Reads files, and of directories their `.hcl` and `.json` files in order; what comes later wins. Throws nothing. */
export function readVaultConfig(names: readonly string[]): VaultConfig {
  const translation = new Translation();
  for (const name of names.flatMap((each) => filesOf(each))) {
    const { text, problems } = readConfigText(name);
    translation.problems.push(...problems);
    if (text !== undefined) translation.read(name, text);
  }
  return translation.result(names[0] ?? '');
}

function filesOf(name: string): readonly string[] {
  const isDirectory = statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isDirectory) return [name];
  return readdirSync(name)
    .filter((file) => /\.(hcl|json)$/.test(file))
    .toSorted()
    .map((file) => join(name, file));
}

type Table = Record<string, unknown>;

class Translation {
  readonly problems: Problem[] = [];
  readonly #notes: string[] = [];
  readonly #values: Table = {};
  readonly #listeners: Table[] = [];
  readonly #places = new Map<string, Place>();
  #file = '';
  #hasStorage = false;
  #pidFile: string | undefined;

  read(name: string, text: string): void {
    this.#file = name;
    let root: HclObject;
    try {
      root = parseHcl(text);
    } catch (error) {
      const { message } = asCofferError(error);
      const [, line, column, said] = /^line (\d+), column (\d+): (.*)$/s.exec(message) ?? [];
      const place = line === undefined ? undefined : { line: Number(line), column: Number(column) };
      this.problems.push(problemIn(name, place, said ?? message));
      return;
    }
    for (const member of root.members) this.#top(member);
  }

  result(name: string): VaultConfig {
    if (!this.#hasStorage && this.problems.length === 0)
      this.problems.push(
        problemIn(name, undefined, 'there is no storage: say storage "file" { path = "…" }'),
      );
    const values = {
      ...this.#values,
      ...(this.#listeners.length === 0 ? {} : { listener: this.#listeners }),
    };
    const place = (path: KeyPath): Place => {
      for (let length = path.length; length > 0; length--) {
        const found = this.#places.get(JSON.stringify(path.slice(0, length)));
        if (found !== undefined) return found;
      }
      return { line: 1, column: 1 };
    };
    // The old server's relative paths start from where it was started.
    const file = { name, directory: resolve('.'), values, place };
    return { file, problems: this.problems, notes: this.#notes, pidFile: this.#pidFile };
  }

  #top(member: HclMember): void {
    const { key, value } = member;
    const block = this.#blockReader(key);
    if (block === undefined) this.#apply(member, serverKeys, this.#values, []);
    else this.#blocks(value, block);
  }

  #blockReader(key: string): ((block: HclMember) => void) | undefined {
    if (key === 'storage' || key === 'backend') return (one) => this.#storage(one);
    if (key === 'listener') return (one) => this.#listener(one);
    return key === 'seal' ? (one) => this.#seal(one) : undefined;
  }

  /** Labelled blocks: `storage "file" { … }`, in JSON also as lists. */
  #blocks(value: HclValue, each: (block: HclMember) => void): void {
    if (value.kind === 'list') for (const item of value.items) this.#blocks(item, each);
    else if (value.kind === 'object') for (const block of value.members) each(block);
    else this.#problem(value.at, 'must be a block with its kind: storage "file" { … }');
  }

  #storage({ key, at, value }: HclMember): void {
    this.#hasStorage = true;
    if (key === 'consul') {
      this.#consul(at, membersOf(value));
      return;
    }
    if (key !== 'file' && key !== 'raft') {
      this.#problem(at, otherStorages[key] ?? `storage ${shown(key)} cannot be had: ${ownStore}`);
      return;
    }
    const members = membersOf(value);
    for (const member of members) {
      if (member.key === 'path') this.#data(member);
      else this.#note(member, 'it is of the old storage');
    }
    if (!members.some((member) => member.key === 'path')) this.#problem(at, `storage "${key}" has no path`);
  }

  #consul(at: Place, members: readonly HclMember[]): void {
    const reading = readConsul(new Map(members.map(({ key, value }) => [key, plain(value)])));
    if (reading.kind === 'storage') {
      this.#set(this.#values, ['storage'], reading.url, at);
      for (const member of members) {
        if (reading.withoutEffect.includes(member.key)) this.#note(member, 'it is of the old storage');
      }
    } else this.#wrongMember(at, members, reading);
  }

  /** `wrong.key` is the member it is about; the block itself where there is none of that name. */
  #wrongMember(
    at: Place,
    members: readonly HclMember[],
    wrong: { readonly key?: string; readonly why: string },
  ): void {
    const member = members.find(({ key }) => key === wrong.key);
    if (member === undefined) this.#problem(at, wrong.why);
    else this.#problem(member.at, `${shown(member.key)} ${wrong.why}`);
  }

  #data({ at, value }: HclMember): void {
    const path = value.kind === 'text' ? value.text : '';
    const foreign = foreignFiles.find((file) => path !== '' && existsSync(resolve(path, file)));
    if (foreign === undefined) this.#set(this.#values, ['data'], path, at);
    else {
      const what = `${path} holds the data of another server (${foreign}), which cannot be read here`;
      this.#problem(at, `${what}: name an empty place, and move secrets over`);
    }
  }

  #seal({ key, at, value }: HclMember): void {
    const off = membersOf(value).some((each) => each.key === 'disabled' && isTrue(plain(each.value)));
    if (key === 'shamir' || off) return;
    const ways = 'a store opens by shares, a keyfile, a passphrase or a key of AWS KMS';
    if (key === 'awskms') this.#awskms(at, membersOf(value));
    else this.#problem(at, `seal ${shown(key)} cannot be had here: ${ways}`);
  }

  #awskms(at: Place, members: readonly HclMember[]): void {
    const reading = readAwskms(new Map(members.map(({ key, value }) => [key, plain(value)])));
    if (reading.kind === 'address') {
      const others = (this.#values['seal'] as readonly string[] | undefined) ?? [];
      this.#set(this.#values, ['seal'], [...others, reading.address], at);
      return;
    }
    this.#wrongMember(at, members, reading);
  }

  #listener({ key, at, value }: HclMember): void {
    if (key !== 'tcp') {
      this.#problem(at, `listener ${shown(key)} cannot be had: there is "tcp" alone`);
      return;
    }
    const index = this.#listeners.length;
    const values: Table = { address: '127.0.0.1:8200' };
    this.#listeners.push(values);
    this.#places.set(JSON.stringify(['listener', index]), this.#placeOf(at));
    const members = membersOf(value);
    const inner = members.flatMap((member) =>
      member.key === 'telemetry' && member.value.kind === 'object' ? member.value.members : [member],
    );
    for (const member of inner) this.#apply(member, listenerKeys, values, ['listener', index]);
    if (values['tls_disable'] !== true) return;
    // With both it says no TLS in the old server too.
    for (const name of ['tls_cert', 'tls_key', 'tls_min_version']) delete values[name];
  }

  #apply(member: HclMember, keys: Readonly<Record<string, KeyRule>>, values: Table, at: KeyPath): void {
    const rule = Object.hasOwn(keys, member.key) ? keys[member.key] : undefined;
    const near =
      rule === undefined
        ? suggest(member.key, [...Object.keys(keys), ...(at.length === 0 ? blocks : [])])
        : undefined;
    const hint = near === undefined ? '' : ` (did you mean "${near}"?)`;
    const reading = rule?.(plain(member.value));
    if (reading === undefined) this.#problem(member.at, `unknown key ${shown(member.key)}${hint}`);
    else if (reading.kind === 'note') this.#note(member, reading.why);
    else if (reading.kind === 'refused') this.#problem(member.at, `${shown(member.key)} ${reading.why}`);
    else if (reading.kind === 'pid') this.#pidFile = resolve(reading.path);
    else if (reading.kind === 'set') this.#setting(member, reading, values, at);
  }

  /** What stands in a listener may be a setting of the whole server: its name has a table of ours in it. */
  #setting(
    member: HclMember,
    { name, value }: Extract<KeyReading, { kind: 'set' }>,
    values: Table,
    at: KeyPath,
  ): void {
    const isServers = name.includes('.') || at.length === 0;
    if (!isServers) this.#set(values, [...at, name], value, member.at);
    else if (Object.hasOwn(table, name)) this.#set(this.#values, name.split('.'), value, member.at);
    else this.#note(member, 'there is no such setting');
  }

  /** Puts a value where our own file would have it, and remembers where it was said. */
  #set(into: Table, path: KeyPath, value: unknown, at: Place): void {
    const name = String(path.at(-1));
    const isNested = path.length === 2 && typeof path[0] === 'string';
    const section = isNested ? ((into[String(path[0])] as Table | undefined) ?? {}) : into;
    section[name] = value;
    if (isNested) into[String(path[0])] = section;
    this.#places.set(JSON.stringify(path), this.#placeOf(at));
  }

  #placeOf({ line, column }: Place): Place {
    return { line, column, file: this.#file };
  }

  #problem(at: Place, message: string): void {
    this.problems.push(problemIn(this.#file, at, message));
  }

  #note({ key, at }: HclMember, why: string): void {
    this.#notes.push(`${this.#file}:${at.line}: ${shown(key)} has no effect: ${why}`);
  }
}

/** Top-level keys that are blocks with a kind. */
const blocks = ['storage', 'backend', 'listener', 'seal'];

/** What the old server's own storages leave in their directories. */
const foreignFiles = ['core/_keyring', 'core/_master', 'vault.db', 'raft/raft.db'];

const ownStore = 'a store of our own is made at the path of storage "file" or "raft", or in Consul';

function shown(key: string): string {
  return JSON.stringify(key.slice(0, 60));
}

const otherStorages: Readonly<Record<string, string>> = {
  inmem:
    'storage "inmem" cannot be had for a store that is initialised by hand: -dev keeps everything in memory',
};

function isTrue(value: unknown): boolean {
  return value === true || value === 'true' || value === 1 || value === '1';
}

/** Of a block; in JSON it may also be a list of one. */
function membersOf(value: HclValue): readonly HclMember[] {
  if (value.kind === 'list') return value.items.flatMap(membersOf);
  return value.kind === 'object' ? value.members : [];
}

/** As JSON would have it; an object is undefined. */
function plain(value: HclValue): unknown {
  switch (value.kind) {
    case 'text':
      return value.text;
    case 'number':
    case 'boolean':
      return value.value;
    case 'list':
      return value.items.map(plain);
    case 'null':
      return null;
    case 'object':
      return undefined;
  }
}
