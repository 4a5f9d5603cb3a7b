/** Nodes for tests, driven at the seam where listeners hand over requests: no socket, everything else real. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { currentProcess, type ProcessIdentity } from '../../src/core/audit/process-identity.ts';
import type { ExpiryDuty } from '../../src/core/duty/expiry.ts';
import type { JobType } from '../../src/core/job/job.ts';
import type { Manner } from '../../src/core/manner.ts';
import type { SystemTtls } from '../../src/core/mount/entry.ts';
import type { MountTypes } from '../../src/core/mount/mounts.ts';
import { parseApiPath } from '../../src/core/path.ts';
import type { NodeLimits } from '../../src/core/quota/limits.ts';
import {
  type Answer,
  type AnswerStream,
  type Operation,
  RawJson,
  type Request,
} from '../../src/core/request.ts';
import type { AuthMethodType, EngineType, Formats } from '../../src/engine/engine.ts';
import type { JsonObject, JsonValue } from '../../src/json.ts';
import type { Logger } from '../../src/log.ts';
import { mountTypes } from '../../src/main/catalog.ts';
import { type CofferNode, createNode, type NodeOptions } from '../../src/main/node.ts';
import type { Seal } from '../../src/seal/seal.ts';
import type { SlotMaker } from '../../src/seal/slot-maker.ts';
import { openLmdbStorage } from '../../src/storage/lmdb/lmdb.ts';
import { MemoryStorage } from '../../src/storage/memory/memory.ts';
import type { Storage } from '../../src/storage/storage.ts';
import type { NodeTelemetry } from '../../src/telemetry/telemetry.ts';
import { HandClock } from './hand-clock.ts';

export const rootToken = 'root-token-of-this-test';

export interface PlaceOptions {
  /** LMDB on disk instead of memory. */
  readonly lmdb?: boolean;
  /** In place of either; closed with the place. */
  readonly storage?: Storage;
  /** One that begins at another time than all others do. */
  readonly clock?: HandClock;
  /** No audit log: for tests that are about something else and make very many requests. */
  readonly silent?: boolean;
  /** Where the audit log is; in files for ever, unless told. */
  readonly auditLog?: NodeOptions['auditLog'];
  /** Engines besides the program's own. */
  readonly engines?: readonly EngineType[];
  /** Auth methods besides the program's own, or in their place. */
  readonly authMethods?: readonly AuthMethodType[];
  readonly limits?: () => NodeLimits;
  /** The lives of tokens and leases where a mount names none, in seconds. */
  readonly systemTtls?: SystemTtls;
  /** Kinds of long work besides the program's own. */
  readonly jobTypes?: readonly JobType[];
  /** Of every node of the place. */
  readonly telemetry?: NodeTelemetry;
  /** Seals that the nodes try by themselves. */
  readonly seals?: readonly Seal[];
  /** Kinds of slots that its nodes can add; those that need no settings unless told. */
  readonly slotMakers?: readonly SlotMaker[];
  readonly unauthenticatedKeyOperations?: boolean;
  /** What audit devices may reach, and what of the program the nodes show. */
  readonly devicePlaces?: NodeOptions['devicePlaces'];
  readonly program?: NodeOptions['program'];
  /** Ways to tell people, and notifiers of the configuration; the program's own types unless told. */
  readonly notifiers?: NodeOptions['notifiers'];
  /** Unseal keys, and how many are needed; one. */
  readonly split?: { readonly shares: number; readonly threshold: number };
}

/** What one node has otherwise than the others of its place. */
export interface OwnOfNode {
  readonly clock?: HandClock;
  /** It runs on a machine of its own. */
  readonly elsewhere?: boolean;
  /** What it reads and writes, as a program of another version would. */
  readonly formats?: Formats;
  /** Engines that the others have and it has not. */
  readonly lacks?: readonly string[];
  readonly program?: NodeOptions['program'];
  /** It stays unless told. */
  readonly manner?: Manner;
}

/** A store with everything around it; nodes come and go. */
export interface Place {
  readonly storage: Storage;
  readonly clock: HandClock;
  /** The unseal keys, in hex. */
  readonly keys: readonly string[];
  readonly auditDirectory: string;
  /** What the nodes logged. */
  readonly log: LogLine[];
  /** A working node; `storage` stands in for the place's own. */
  node(storage?: Storage, own?: OwnOfNode): Promise<CofferNode>;
  /** A node that nobody has started or unsealed. */
  sealedNode(
    options?: OwnOfNode & { readonly storage?: Storage; readonly seals?: readonly Seal[] },
  ): CofferNode;
  /** All lines of the audit log, parsed. */
  auditLines(): readonly JsonObject[];
  remove(): Promise<void>;
}

export interface LogLine {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function anotherMachine(): ProcessIdentity {
  const bootId = randomUUID();
  // Machines that share a store have names of their own.
  return { ...currentProcess(`elsewhere-${bootId}`), bootId };
}

/** A directory that only we may enter, with the audit log's reserve in it already, as a hole instead of 8 MiB of bytes. */
export function auditPlace(root: string): string {
  const directory = mkdtempSync(join(root, 'audit-'));
  const reserve = join(directory, 'reserve');
  writeFileSync(reserve, '', { mode: 0o600 });
  truncateSync(reserve, 8 * 1024 * 1024);
  return directory;
}

/** A new store with kv v2 at `secret/`, one unseal key and the root token `rootToken`. */
export async function makePlace(options: PlaceOptions = {}): Promise<Place> {
  const root = mkdtempSync(join(tmpdir(), 'coffer-core-'));
  const own = options.lmdb
    ? () => openLmdbStorage({ path: join(root, 'store'), create: true })
    : () => Promise.resolve(new MemoryStorage());
  const storage = options.storage ?? (await own());
  const clock = options.clock ?? new HandClock();
  const auditDirectory = auditPlace(root);
  const log: LogLine[] = [];
  const nodes: CofferNode[] = [];
  const sealedNode: Place['sealedNode'] = (given = {}) => {
    const node = createNode({
      storage: given.storage ?? storage,
      auditDirectory: options.silent ? undefined : auditDirectory,
      auditLog: options.auditLog,
      seals: given.seals ?? options.seals ?? [],
      log: loggerInto(log),
      clock: given.clock ?? clock,
      ...(given.formats === undefined ? {} : { formats: given.formats }),
      manner: given.manner,
      types: typesWith(
        (options.engines ?? []).filter(({ type }) => given.lacks?.includes(type) !== true),
        options.authMethods,
      ),
      jobTypes: options.jobTypes ?? [],
      telemetry: options.telemetry,
      unauthenticatedKeyOperations: options.unauthenticatedKeyOperations ?? false,
      systemTtls: options.systemTtls,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...(options.devicePlaces === undefined ? {} : { devicePlaces: options.devicePlaces }),
      ...(options.notifiers === undefined ? {} : { notifiers: options.notifiers }),
      ...(options.slotMakers === undefined ? {} : { slotMakers: options.slotMakers }),
      ...(options.program === undefined ? {} : { program: options.program }),
      ...(given.program === undefined ? {} : { program: given.program }),
      ...(given.elsewhere === true ? { program: { ...given.program, process: anotherMachine() } } : {}),
    });
    nodes.push(node);
    return node;
  };
  const first = sealedNode();
  const { shares } = await first.state.initialize(
    options.split ?? { shares: 1, threshold: 1 },
    rootToken,
    true,
  );
  const keys = shares.map((share) => share.toString('hex'));
  return {
    storage,
    clock,
    keys,
    auditDirectory,
    log,
    sealedNode,
    async node(given, own = {}) {
      const node = sealedNode(given === undefined ? own : { ...own, storage: given });
      await node.state.start();
      for (const key of keys) await node.state.submitKey(key);
      return node;
    },
    auditLines: () =>
      auditText(auditDirectory)
        .split('\n')
        .filter((line) => line !== '')
        .map(parseObject),
    async remove() {
      for (const node of nodes) await node.state.drop().catch(() => undefined);
      await storage.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export function typesWith(
  engines: readonly EngineType[],
  authMethods: readonly AuthMethodType[] = [],
): MountTypes {
  return {
    engines: new Map([...mountTypes.engines, ...engines.map((type) => rowOf(type))]),
    authMethods: new Map([...mountTypes.authMethods, ...authMethods.map((type) => rowOf(type))]),
  };
}

function rowOf<T extends EngineType | AuthMethodType>(type: T) {
  const { summary: _, create: __, ...facts } = type;
  return [type.type, { ...facts, load: async () => type }] as const;
}

export function loggerInto(lines: LogLine[]): Logger {
  const add = (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
    void lines.push({ message, fields });
  return { debug: add, info: add, warn: add, error: add };
}

/** Everything that the audit log's files hold, as text. */
export function auditText(directory: string): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'reserve')
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
}

function parseObject(line: string): JsonObject {
  return JSON.parse(line) as JsonObject;
}

export interface Asked {
  readonly status: number;
  readonly requestId: string;
  /** The envelope's data, or the whole body of an answer without envelope; an empty object where there is none. */
  readonly data: JsonObject;
  readonly auth: Extract<Answer, { kind: 'envelope' }>['auth'];
  readonly lease: Extract<Answer, { kind: 'envelope' }>['lease'];
  readonly warnings: readonly string[];
  readonly errors: readonly string[];
  /** Whether `data` was there at all. */
  readonly hasData: boolean;
  /** The caller's to read or to close. */
  readonly stream?: AnswerStream;
  /** Where the answer was wrapped. */
  readonly wrap?: Extract<Answer, { kind: 'envelope' }>['wrap'];
  /** An unwrapped answer, as it was kept. */
  readonly text?: string;
}

export interface AskOptions {
  /** What a listener may say besides. */
  readonly request?: Pick<
    Request,
    'header' | 'metricsWithoutToken' | 'traceparent' | 'clientCertificate' | 'mfa'
  >;
  readonly from?: string;
  readonly wrapTtl?: number;
}

/** One request. `token` is the root token unless told; `null` is none. */
export async function ask(
  node: CofferNode,
  operation: Operation,
  path: string,
  data: JsonObject = {},
  token: string | null = rootToken,
  options: AskOptions = {},
): Promise<Asked> {
  const id = randomUUID();
  const answer = await node.road.handle({
    id,
    operation,
    path: parseApiPath(path),
    data,
    token: token ?? undefined,
    wrapTtl: options.wrapTtl ?? 0,
    ...options.request,
    remoteAddress: options.from ?? '192.0.2.1',
  });
  return plainAnswer(id, answer);
}

function plainAnswer(requestId: string, answer: Answer): Asked {
  const none = { requestId, data: {}, auth: null, lease: null, warnings: [], errors: [], hasData: false };
  switch (answer.kind) {
    case 'stream':
      return { ...none, status: answer.status, stream: answer.body };
    case 'empty':
      return { ...none, status: 204 };
    case 'plain':
      return { ...none, status: answer.status, data: settled(answer.body), hasData: true };
    case 'error':
      return { ...none, status: answer.status, errors: answer.errors };
    case 'verbatim': {
      if (answer.contentType !== undefined) return { ...none, status: answer.status, text: answer.text };
      const { data } = JSON.parse(answer.text) as { readonly data: JsonObject | null };
      return { ...none, status: answer.status, data: data ?? {}, hasData: data !== null, text: answer.text };
    }
    case 'envelope':
      return {
        ...none,
        status: answer.status,
        data: answer.data === null ? {} : settled(answer.data),
        hasData: answer.data !== null,
        auth: answer.auth,
        lease: answer.lease,
        warnings: answer.warnings ?? [],
        wrap: answer.wrap,
      };
  }
}

/** As a client would decode it. */
function settled(value: object): JsonObject {
  const text = JSON.stringify(value, (_name, member: unknown): unknown =>
    member instanceof RawJson ? (JSON.parse(member.text) as JsonValue) : member,
  );
  return JSON.parse(text) as JsonObject;
}

/** The token that an answer brought. */
export function tokenOf(asked: Asked): string {
  const text = asked.auth?.clientToken;
  if (text === undefined || text === '') throw new Error(`no token: ${asked.status} ${asked.errors.join()}`);
  return text;
}

/** A token made by `parent`. */
export async function makeToken(
  node: CofferNode,
  fields: JsonObject = {},
  parent: string = rootToken,
): Promise<string> {
  return tokenOf(await ask(node, 'update', 'auth/token/create', fields, parent));
}

export async function writePolicy(node: CofferNode, name: string, text: string): Promise<void> {
  const { status, errors } = await ask(node, 'update', `sys/policies/acl/${name}`, { policy: text });
  if (status !== 204) throw new Error(`policy not written: ${status} ${errors.join()}`);
}

export function expiryOf(node: CofferNode): ExpiryDuty {
  const { core } = node.state;
  if (core === undefined) throw new Error('the node is sealed');
  return core.expiry;
}

/** Lets the job duty work until no job has anything to do now. */
export async function finishJobs(node: CofferNode): Promise<void> {
  const { core } = node.state;
  if (core === undefined) throw new Error('the node is sealed');
  await core.jobDuty.run();
}

/** Lets the expiry duty work until nothing is due. Moves the clock by a second a pass: entries are due at whole seconds. */
export async function finishDuties(node: CofferNode, clock: HandClock): Promise<void> {
  for (let idle = 0, passes = 0; idle < 2; passes++) {
    if (passes > 200) throw new Error('the duties do not come to an end');
    clock.jump(1);
    idle = (await expiryOf(node).run()) === 0 ? idle + 1 : 0;
  }
}

/** Every key of the store, in order. */
export async function keysOf(storage: Storage, prefix = ''): Promise<readonly string[]> {
  const keys: string[] = [];
  let after: string | undefined;
  do {
    const page = await storage.range(prefix, { limit: 1_000, ...(after === undefined ? {} : { after }) });
    keys.push(...page.items.map(({ key }) => key));
    after = page.next;
  } while (after !== undefined);
  return keys;
}

/** All that rests in the store, as text: for showing that something is not there in the clear. */
export async function storedText(storage: Storage): Promise<string> {
  const parts: string[] = [];
  let after: string | undefined;
  do {
    const page = await storage.range('', { limit: 1_000, ...(after === undefined ? {} : { after }) });
    for (const { key, value } of page.items) parts.push(key, value.toString('latin1'));
    after = page.next;
  } while (after !== undefined);
  return parts.join('\n');
}
