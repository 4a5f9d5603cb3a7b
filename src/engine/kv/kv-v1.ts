/** The key/value engine without versions (kv v1, once called `generic`): one object a path, replaced as a whole. */
import { type Call, type Endpoint, endpoint, type Reply } from '../../core/endpoint.ts';
import type { ListWish } from '../../core/list-page.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { scanNames } from '../../core/scan-names.ts';
import { parseStored } from '../../core/stored-json.ts';
import { parseDuration } from '../../core/ttl.ts';
import type { ViewExpectation, ViewWrite } from '../../core/view.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../json.ts';
import type { Engine, EngineEnvironment } from '../engine.ts';
import {
  onUploadDue,
  type Placed,
  placeLarge,
  readLarge,
  removeLarge,
  takeOverError,
  uploadFolder,
} from './large-value.ts';
import { listNames, listSchema } from './listing.ts';
import { decodePlain, encodePlain, plainFolder, plainPath } from './plain.ts';
import { pointerEncoder } from './pointer.ts';
import { secretPath } from './secret-path.ts';
import { checkNotUpgraded, notUpgraded, onUpgradeDue, upgradePath, upgrading } from './upgrade.ts';

export function kvV1(environment: EngineEnvironment): Engine {
  const { random, clock } = environment;
  const encode = pointerEncoder(environment);
  return {
    endpoints: [plainEndpoint(environment)],
    onDue: async (name, view) => {
      // A node that has not heard of the new version yet may be the one whose duty meets the entry.
      if (name === upgradePath) await onUpgradeDue(view, { random, encode, now: clock.now() });
      else if (name.startsWith(uploadFolder)) await onUploadDue(view, name);
    },
  };
}

function plainEndpoint(environment: EngineEnvironment): Endpoint {
  const folder = (call: Call) => plainFolder + (call.params['path'] ?? '');
  return endpoint({
    pattern: ':path*',
    help: 'Reads, writes, removes and lists secrets; what is sent is the secret.',
    fields: {},
    openFields: true,
    exists: async (call) => (await call.view.read(plainPath(secretPath(call)))) !== undefined,
    operations: {
      read: {
        summary: 'Read a secret',
        response: { '*': { type: 'any', sensitive: true } },
        handle: (call) => read(call, environment.defaultTtl),
      },
      list: {
        summary: 'List secrets',
        response: listSchema,
        handle: (call) => listNames(call.view, folder(call), pageSent(call.data)),
      },
      scan: {
        summary: 'List secrets in all folders below',
        response: listSchema,
        handle: (call) => scanNames(call.view, folder(call), pageSent(call.data)),
      },
      update: { summary: 'Write a secret', handle: (call) => write(environment, call) },
      delete: { summary: 'Remove a secret', handle: remove },
    },
  });
}

/** What a list is cut by. Not declared fields: a secret may have fields of these names, of any shape. */
function pageSent({ after, limit }: JsonObject): ListWish {
  const most = typeof limit === 'string' && /^\d{1,9}$/.test(limit) ? Number(limit) : limit;
  if (after !== undefined && typeof after !== 'string') {
    throw new CofferError('invalid_request', 'Field validation failed: field "after" is not text');
  }
  if (most !== undefined && (typeof most !== 'number' || !Number.isSafeInteger(most))) {
    throw new CofferError('invalid_request', 'Field validation failed: field "limit" is not a whole number');
  }
  return { after, limit: most };
}

async function read(call: Call, defaultTtl: number): Promise<Reply | undefined> {
  const text = await readText(call);
  if (text === undefined) return undefined;
  const data = parseStored<JsonObject>(Buffer.from(text));
  const hint = Object.hasOwn(data, 'ttl')
    ? data['ttl']
    : Object.hasOwn(data, 'lease')
      ? data['lease']
      : undefined;
  return { data, leaseDuration: hintedSeconds(hint) ?? defaultTtl };
}

/** A hint of whoever wrote the secret on when to read it again; undefined when it is no duration. */
function hintedSeconds(hint: JsonValue | undefined): number | undefined {
  const seconds =
    typeof hint === 'string' || typeof hint === 'number' ? parseDuration(String(hint)) : undefined;
  return seconds === undefined || seconds < 0 ? undefined : seconds;
}

/** The parts of a large value are other records: where they are not there, the value may have been replaced meanwhile. */
async function readText(call: Call): Promise<string | undefined> {
  const path = plainPath(secretPath(call));
  return retryOnConflict(async () => {
    const record = await call.view.read(path);
    if (record === undefined) {
      await checkNotUpgraded(call.view);
      return undefined;
    }
    const value = decodePlain(record.open());
    if (value.kind === 'text') return value.text.toString('utf8');
    const text = await readLarge(call.view, value.upload);
    if (text !== undefined) return text;
    const again = await call.view.read(path);
    if (again?.revision === record.revision) {
      throw new CofferError('integrity', 'the value of this secret is missing');
    }
    throw new ConflictError(path);
  });
}

async function write({ random }: EngineEnvironment, call: Call): Promise<undefined> {
  secretPath(call);
  if (Object.keys(call.data).length === 0) throw new CofferError('invalid_request', 'missing data fields');
  const text = Buffer.from(JSON.stringify(call.data));
  const placed = await placeLarge(call.view, random, text, call.clock.now());
  const value = encodePlain(
    placed === undefined ? { kind: 'text', text } : { kind: 'large', upload: placed.upload },
  );
  await replace(call, value, placed);
  return undefined;
}

async function remove(call: Call): Promise<undefined> {
  await replace(call, null, undefined);
  return undefined;
}

/** Puts a value in the place of what is there, whose parts go with it. */
async function replace(call: Call, value: Buffer | null, placed: Placed | undefined): Promise<void> {
  const path = plainPath(secretPath(call));
  await retryOnConflict(async () => {
    const before = await call.view.read(path);
    if (before === undefined && value === null) return checkNotUpgraded(call.view);
    const old = before === undefined ? undefined : decodePlain(before.open());
    const writes: readonly ViewWrite[] = [
      { path, value },
      ...(placed?.writes ?? []),
      ...(old?.kind === 'large' ? removeLarge(old.upload) : []),
    ];
    const expectations: readonly ViewExpectation[] = [
      { path, revision: before?.revision ?? null },
      notUpgraded,
      ...(placed?.expectations ?? []),
    ];
    await call.view.commit(writes, expectations).catch((error: unknown) => {
      const upgraded = error instanceof ConflictError && error.key === upgradePath;
      throw upgraded ? upgrading() : takeOverError(error);
    });
  });
}
