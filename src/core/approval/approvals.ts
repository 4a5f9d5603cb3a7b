/**
 * Requests that wait for the consent of others. What was sent lies sealed in the cubbyhole of the token that its sender is told in
 * place of an answer; the record beside it says who asks for what, and who consented. Any node can go on from both.
 */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import type { Expectation, Page, PageRequest } from '../../storage/storage.ts';
import type { AuditLog } from '../audit/audit.ts';
import { type Due, dueWrite, withoutDue } from '../due.ts';
import type { Identities } from '../identity/identities.ts';
import type { Notice, Notices } from '../notices.ts';
import type { WrapInfo } from '../request.ts';
import { retryOnConflict } from '../retry.ts';
import type { Tokens } from '../token/tokens.ts';
import type { Wrappings } from '../wrapping/wrappings.ts';
import {
  type ApprovalRecord,
  approvalKey,
  decodeApproval,
  encodeApproval,
  isAccessor,
  ofEntityKey,
  ofEntityPrefix,
  requestPrefix,
  type Verdict,
} from './record.ts';
import { type Standing, standingOf } from './standing.ts';
import { approvalLine, noticeOf, type Word } from './told.ts';
import type { Toll } from './toll.ts';

/** Requests of one entity that wait at a time. */
const mostWaiting = 20;
/** Consents that one request keeps. */
const mostAuthorizations = 64;

export interface StoredApproval {
  readonly record: ApprovalRecord;
  readonly asRead: Expectation;
}

/** A request that is to wait, before it has a token. */
export type NewApproval = Omit<
  ApprovalRecord,
  | 'accessor'
  | 'token'
  | 'parts'
  | 'createdAt'
  | 'expiresAt'
  | 'status'
  | 'authorizations'
  | 'denial'
  | 'usedAt'
>;

export interface ApprovalsRooms {
  readonly store: BarrierStore;
  readonly clock: Clock;
  readonly tokens: Tokens;
  readonly wrappings: Wrappings;
  readonly identities: Identities;
  readonly audit: AuditLog;
}

export interface ApprovalsOptions {
  readonly notices?: Notices | undefined;
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

export class Approvals {
  readonly #rooms: ApprovalsRooms;
  readonly #options: ApprovalsOptions;

  constructor(rooms: ApprovalsRooms, options: ApprovalsOptions) {
    this.#rooms = rooms;
    this.#options = options;
  }

  /**
   * Keeps a request, and answers what its sender is told. Throws `rate_limited` where too many of the entity wait already.
   *
   * @param text see `encodeHeld`
   * @param identity whom the token counts against
   */
  async hold(
    asked: NewApproval,
    text: string,
    identity: string | undefined,
    requestId: string,
  ): Promise<{ readonly wrap: WrapInfo; readonly drop: () => Promise<void> }> {
    const { store, wrappings, audit } = this.#rooms;
    const now = this.#rooms.clock.now();
    const { ttl } = asked.approval;
    const { entityId } = asked.requester;
    await this.#checkWaiting(entityId, now);
    const expiresAt = now + ttl * 1_000;
    let record: ApprovalRecord | undefined;
    const wrap = await wrappings.wrap(
      { text, ttl, creationPath: asked.path, wrappedAccessor: undefined, identity, approval: true },
      {
        writes: [],
        about: ({ accessor, id }, parts) => {
          record = {
            ...asked,
            accessor,
            token: id,
            parts,
            createdAt: now,
            expiresAt,
            status: 'waiting',
            authorizations: [],
            denial: null,
            usedAt: null,
          };
          return [
            { key: approvalKey(accessor), value: encodeApproval(record) },
            { key: ofEntityKey(entityId, accessor), value: 'present' },
            dueWrite(expiresAt, 'approval', accessor),
          ];
        },
      },
    );
    if (record === undefined) throw new CofferError('internal', 'a request was kept without a record');
    const kept = record;
    const drop = async () => {
      await store.commit(this.#recordEnd(kept));
      await this.#rooms.tokens.revoke(kept.token);
    };
    await audit
      .append(approvalLine(audit, 'requested', kept, { requestId }), 'kernel')
      .catch(async (error) => {
        await drop();
        throw error;
      });
    await this.tell(noticeOf('requested', kept));
    return { wrap, drop };
  }

  /** Undefined for what is no accessor of a request, and for one whose time is over. */
  async read(accessor: string): Promise<StoredApproval | undefined> {
    if (!isAccessor(accessor)) return undefined;
    const key = approvalKey(accessor);
    const sealed = await this.#rooms.store.read(key);
    if (sealed === undefined) return undefined;
    const record = decodeApproval(sealed.open());
    if (record.expiresAt <= this.#rooms.clock.now()) return undefined;
    return { record, asRead: { key, revision: sealed.revision } };
  }

  /** Those in time, in an order of no meaning; `after` and `next` are accessors. A page may be empty and have a next one. */
  async page({ limit, after }: PageRequest): Promise<Page<ApprovalRecord>> {
    const now = this.#rooms.clock.now();
    const found = await this.#rooms.store.range(requestPrefix, {
      limit,
      ...(after === undefined ? {} : { after: requestPrefix + after }),
    });
    const records = found.items.map((item) => decodeApproval(item.open()));
    const last = records.at(-1);
    return {
      items: records.filter(({ expiresAt }) => expiresAt > now),
      ...(found.next === undefined || last === undefined ? {} : { next: last.accessor }),
    };
  }

  standing(record: ApprovalRecord): Promise<Standing> {
    return standingOf(this.#rooms.identities.reader, record);
  }

  /**
   * Adds one consent. Whoever consented already is counted once, also by another name of theirs. Throws `invalid_request` for a
   * request that waits no longer, `not_found` where it is gone meanwhile.
   */
  async approve(accessor: string, verdict: Verdict, requestId: string): Promise<ApprovalRecord> {
    const { reader } = this.#rooms.identities;
    const { record, done } = await this.#change(accessor, async (current) => {
      const standing = await standingOf(reader, current);
      if (standing.counted.some(({ entityId }) => entityId === verdict.entityId)) return undefined;
      if (current.authorizations.length >= mostAuthorizations) {
        throw new CofferError('invalid_request', `a request has ${mostAuthorizations} approvals at most`);
      }
      const changed = { ...current, authorizations: [...current.authorizations, verdict] };
      await this.#told('approved', changed, verdict, requestId);
      return { record: changed, writes: [] };
    });
    if (done) await this.#tellGranted(record);
    return record;
  }

  /** Ends a request by one approver's no. Throws as `approve` does. */
  async deny(accessor: string, verdict: Verdict, requestId: string): Promise<ApprovalRecord> {
    const { record } = await this.#change(accessor, async (current) => {
      const changed = { ...current, status: 'denied' as const, denial: verdict };
      await this.#told('denied', changed, verdict, requestId);
      return { record: changed, writes: this.#bodyEnd(current) };
    });
    await this.tell(noticeOf('denied', record, verdict));
    return record;
  }

  /** Ends a request that its sender wants no longer. Throws as `approve` does. */
  async withdraw(accessor: string, requestId: string): Promise<void> {
    await this.#change(accessor, async (current) => {
      const changed = { ...current, status: 'withdrawn' as const };
      await this.#told('withdrawn', changed, undefined, requestId);
      return { record: changed, writes: this.#bodyEnd(current) };
    });
  }

  /**
   * What makes a request's being carried out happen once: part of its first commit, whatever that does. Of two that try, the second
   * meets the first one's record.
   */
  toll({ record, asRead }: StoredApproval): Toll {
    const used: ApprovalRecord = { ...record, status: 'used', usedAt: this.#rooms.clock.now() };
    return {
      writes: [{ key: approvalKey(record.accessor), value: encodeApproval(used) }],
      expectations: [asRead],
      lost: () => new CofferError('needs_approval', 'this approval was used already, or changed meanwhile'),
    };
  }

  /** Once a request is carried out: takes away what it was kept by. What a crash leaves goes with the token. */
  async settle(record: ApprovalRecord): Promise<void> {
    const { store, tokens } = this.#rooms;
    try {
      const token = await tokens.read(record.token);
      const ends = token === undefined ? [] : tokens.endAloneWrites(token.record);
      await store.commit([...this.#bodyEnd(record), ...ends]);
    } catch (error) {
      this.#options.log('what a request was kept by is left to the duty', { error });
    }
  }

  /** Tells whoever is to be told. That it cannot be told undoes nothing. */
  async tell(notice: Notice): Promise<void> {
    try {
      await this.#options.notices?.post(notice);
    } catch (error) {
      this.#options.log('a notice of an approval was not posted', { kind: notice.kind, error });
    }
  }

  /** Takes away what has expired. Its token, with what was sent, is due by itself. */
  async onDue(due: Due, fence: Expectation): Promise<void> {
    const { store } = this.#rooms;
    const sealed = isAccessor(due.id) ? await store.read(approvalKey(due.id)) : undefined;
    const record = sealed === undefined ? undefined : decodeApproval(sealed.open());
    const ends = record === undefined ? [] : this.#recordEnd(record);
    const others = ends.filter(({ key }) => key !== due.key);
    await store.commit([...others, { key: due.key, value: null }], [fence]);
  }

  async #checkWaiting(entity: string, now: number): Promise<void> {
    const { items } = await this.#rooms.store.children(ofEntityPrefix(entity), { limit: mostWaiting });
    if (items.length < mostWaiting) return;
    // Those whose time is over are taken away by the duty, which may be behind.
    const waiting = await Promise.all(items.map((accessor) => this.read(accessor)));
    if (waiting.filter((one) => one !== undefined && one.record.expiresAt > now).length < mostWaiting) return;
    throw new CofferError(
      'rate_limited',
      `${mostWaiting} requests of yours wait for approval already; have them carried out, or withdraw some`,
    );
  }

  /** `done` is whether anything was changed: an attempt that has nothing to change says so by undefined. */
  async #change(
    accessor: string,
    attempt: (
      record: ApprovalRecord,
    ) => Promise<{ readonly record: ApprovalRecord; readonly writes: readonly PlainWrite[] } | undefined>,
  ): Promise<{ readonly record: ApprovalRecord; readonly done: boolean }> {
    return retryOnConflict(async () => {
      const stored = await this.read(accessor);
      if (stored === undefined) throw noRequest();
      if (stored.record.status !== 'waiting') throw endedAs(stored.record);
      const change = await attempt(stored.record);
      if (change === undefined) return { record: stored.record, done: false };
      await this.#rooms.store.commit(
        [{ key: approvalKey(accessor), value: encodeApproval(change.record) }, ...change.writes],
        [stored.asRead],
      );
      return { record: change.record, done: true };
    });
  }

  async #tellGranted(record: ApprovalRecord): Promise<void> {
    const standing = await this.standing(record);
    if (standing.approved) await this.tell(noticeOf('granted', record));
  }

  async #told(
    word: Word,
    record: ApprovalRecord,
    verdict: Verdict | undefined,
    requestId: string,
  ): Promise<void> {
    const { audit } = this.#rooms;
    await audit.append(approvalLine(audit, word, record, { requestId, verdict }), 'kernel');
  }

  /** What was sent, and that it waits. */
  #bodyEnd({ token, parts, requester, accessor }: ApprovalRecord): readonly PlainWrite[] {
    return [
      ...this.#rooms.wrappings.textEnd(token, parts),
      { key: ofEntityKey(requester.entityId, accessor), value: null },
    ];
  }

  #recordEnd(record: ApprovalRecord): readonly PlainWrite[] {
    const { accessor, requester, expiresAt } = record;
    return [
      { key: approvalKey(accessor), value: null },
      { key: ofEntityKey(requester.entityId, accessor), value: null },
      ...withoutDue('approval', { id: accessor, expiresAt }),
    ];
  }
}

/** One answer for what never was, is over, or is nobody's business who asks. */
export function noRequest(): CofferError {
  return new CofferError('not_found', 'there is no such request for approval');
}

/** Why a request that waited is over. */
export function endedAs({ status, denial }: ApprovalRecord): CofferError {
  switch (status) {
    case 'denied':
      return new CofferError('needs_approval', `this request was denied by ${denial?.entityName ?? ''}`);
    case 'withdrawn':
      return new CofferError('needs_approval', 'this request was withdrawn');
    case 'used':
    case 'waiting':
      return new CofferError('needs_approval', 'this request was carried out already');
  }
}
