/**
 * `auth/token/tidy`: looks through what tokens left. Whatever ends is cleaned up by a duty of its own, so there is little to find;
 * this is for whoever wants to be sure, after a crash of a disk, say. A job, so that it costs little at a time and goes on
 * wherever it was cut off.
 */
import type { BarrierStore, PlainWrite, SealedRecord } from '../../barrier/store.ts';
import type { JsonObject } from '../../json.ts';
import { type Expectation, parseStorageKey } from '../../storage/storage.ts';
import { coreEndpoint } from '../core-call.ts';
import { dueWrite } from '../due.ts';
import type { Endpoint } from '../endpoint.ts';
import type { JobContext, JobStep, JobType } from '../job/job.ts';
import { decodeStored } from '../stored-json.ts';
import { isMarkIdle } from './orphaning.ts';
import { accessorPrefix, childOfName, decodeToken, idPrefix, type TokenId, tokenKey } from './record.ts';

const type = 'token-tidy';
const childPrefix = 'core/token/child/';
const identityPrefix = 'core/token/of/';
/** Records looked at in one step: each makes at most two writes and two expectations. */
const recordsAStep = 12;

interface Found {
  readonly writes: readonly PlainWrite[];
  readonly expectations: readonly Expectation[];
}

type Look = (
  store: BarrierStore,
  key: string,
  record: SealedRecord,
  now: number,
) => Promise<Found | undefined>;

/** What is looked through, in this order. */
const looks: readonly (readonly [prefix: string, look: Look])[] = [
  [accessorPrefix, lookAtAccessor],
  [childPrefix, lookAtChild],
  [identityPrefix, lookAtIdentity],
  [idPrefix, lookAtToken],
];

interface TidyState {
  /** Which of `looks`. */
  readonly part: number;
  readonly after: string | null;
  readonly seen: number;
  readonly removed: number;
}

const firstState: TidyState = { part: 0, after: null, seen: 0, removed: 0 };

export function tidyEndpoint(): Endpoint {
  return coreEndpoint({
    pattern: 'tidy',
    help: 'Removes what ended tokens left, a little at a time: a job.',
    fields: {},
    operations: {
      update: {
        summary: 'Tidy tokens',
        response: { job_id: { type: 'string', help: 'As sys/jobs has it.' } },
        handle: async () => ({
          status: 202,
          job: { type, state: { ...firstState }, subject: 'what ended tokens left' },
          warnings: ['Tidy operation successfully started. It goes on in the background.'],
        }),
      },
    },
  });
}

export const tidyJob: JobType = {
  type,
  async step(stored: JsonObject, { store, clock }: JobContext): Promise<JobStep> {
    const state = stored as unknown as TidyState;
    const [prefix, look] = looks[state.part] ?? [];
    if (prefix === undefined || look === undefined) return ended(state);
    const after = state.after === null ? {} : { after: state.after };
    const page = await store.range(prefix, { limit: recordsAStep, ...after });
    const found = await Promise.all(page.items.map((item) => look(store, item.key, item, clock.now())));
    const changes = found.filter((one) => one !== undefined);
    const next: TidyState = {
      part: page.next === undefined ? state.part + 1 : state.part,
      after: page.next ?? null,
      seen: state.seen + page.items.length,
      removed: state.removed + changes.length,
    };
    return {
      state: { ...next },
      writes: onceEach(changes.flatMap(({ writes }) => writes)),
      expectations: onceEach(changes.flatMap(({ expectations }) => expectations)),
      progress: { done: next.seen, total: null },
      ...(next.part === looks.length ? { result: { removed: next.removed } } : {}),
    };
  },
};

/** Several children may send their parent to the duty. */
function onceEach<T extends { readonly key: string }>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [item.key, item])).values()];
}

function ended(state: TidyState): JobStep {
  return {
    state: { ...state },
    progress: { done: state.seen, total: state.seen },
    result: { removed: state.removed },
  };
}

/** Deletes `key` if neither it nor the token that is missing changes meanwhile. */
function removal(key: string, record: SealedRecord, missing: TokenId): Found {
  const own = parseStorageKey(key);
  return {
    writes: [{ key: own, value: null }],
    expectations: [
      { key: own, revision: record.revision },
      { key: tokenKey(missing), revision: null },
    ],
  };
}

async function lookAtAccessor(
  store: BarrierStore,
  key: string,
  record: SealedRecord,
): Promise<Found | undefined> {
  const { id } = decodeStored<{ id: TokenId }>(record.open());
  return (await store.read(tokenKey(id))) === undefined ? removal(key, record, id) : undefined;
}

/** The entry of a child that is gone goes; a child whose parent is gone is left to the duty that ends trees. */
async function lookAtChild(
  store: BarrierStore,
  key: string,
  record: SealedRecord,
  now: number,
): Promise<Found | undefined> {
  const [parent = '', name = ''] = key.slice(childPrefix.length).split('/') as TokenId[];
  const child = childOfName(name);
  const [above, below] = await store.readMany([tokenKey(parent as TokenId), tokenKey(child)]);
  if (below === undefined) return removal(key, record, child);
  if (above !== undefined) return undefined;
  return { writes: [dueWrite(now, 'token-tree', parent)], expectations: [] };
}

async function lookAtIdentity(
  store: BarrierStore,
  key: string,
  record: SealedRecord,
): Promise<Found | undefined> {
  const id = key.slice(key.lastIndexOf('/') + 1) as TokenId;
  return (await store.read(tokenKey(id))) === undefined ? removal(key, record, id) : undefined;
}

/** A token whose time has come and that is still there is put before the duty again, and so is a mark that nobody needs. */
async function lookAtToken(
  store: BarrierStore,
  _key: string,
  record: SealedRecord,
  now: number,
): Promise<Found | undefined> {
  const token = decodeToken(record.open());
  const idle =
    token.orphanedAt === undefined
      ? token.usesLeft === 0 || (token.expiresAt !== null && token.expiresAt <= now)
      : await isMarkIdle(store, token.id);
  return idle ? { writes: [dueWrite(now, 'token', token.id)], expectations: [] } : undefined;
}
