/** Lets a handler do what was allowed, and makes tokens and leases of what it replies. */

import { CofferError } from '../errors.ts';
import type { Expectation } from '../storage/storage.ts';
import { buildAnswer } from './answer.ts';
import type { Core } from './core.ts';
import { dueWrite } from './due.ts';
import type { Call, EndpointOperation, Leased, OperationSpec, Principal, Reply } from './endpoint.ts';
import { identityForeseen, identityOfLogin } from './identity/login.ts';
import type { LeaseHolder } from './lease/holder.ts';
import { denied } from './mfa/enforcement.ts';
import { secondFactorOf, settledIdentity } from './mfa/login.ts';
import type { Mount } from './mount/table.ts';
import { MountView } from './mount/view.ts';
import { leaseNotice, leaseNoticeKind } from './notice/lease-notice.ts';
import type { Acl } from './policy/acl.ts';
import type { Answer, AuthAnswer, LeaseAnswer, Request } from './request.ts';
import type { RequestCommit } from './request-commit.ts';
import { retryOnConflict } from './retry.ts';
import { storageFull } from './room.ts';
import { shownOfScan } from './secrets/scan.ts';
import { issueLogin } from './token/issuer.ts';
import { identityOf } from './token/record.ts';

export interface Errand {
  readonly core: Core;
  readonly request: Request;
  readonly mount: Mount;
  readonly operation: EndpointOperation;
  readonly spec: OperationSpec;
  readonly commit: RequestCommit;
  readonly unknownFields: readonly string[];
  /** The caller's; undefined on endpoints that need no login. */
  readonly acl: Acl | undefined;
}

export interface Outcome {
  readonly answer: Answer;
  /** The answer's audit line must be on disk before the answer leaves. */
  readonly durable: boolean;
  readonly afterwards?: () => Promise<void>;
  /** Ends the token or the lease that the answer brings, for when the answer cannot be given. */
  readonly undo?: () => Promise<unknown>;
  /** Who logged in, where somebody did: see `identityOf`. */
  readonly identity?: string | undefined;
  /** See `Reply.proven`. */
  readonly proven?: boolean;
}

interface Handled {
  readonly reply: Reply | undefined;
  readonly auth: AuthAnswer | null;
  readonly lease: LeaseAnswer | null;
  readonly warnings: readonly string[];
  readonly undo?: (() => Promise<unknown>) | undefined;
  readonly identity?: string | undefined;
}

/** `token` is who pays for leases; null on endpoints that need no login. */
export async function carryOut(errand: Errand, call: Call, token: LeaseHolder | null): Promise<Outcome> {
  const { spec, commit, operation } = errand;
  if ((spec.spendsFirst === true || spec.streams === true) && commit.owes) await commit.spend();
  const handled = await handle(errand, call, token);
  if (commit.owes) await commit.spend();
  const { reply, auth, lease, warnings, undo, identity } = handled;
  const { unknownFields } = errand;
  const answer = buildAnswer({
    request: errand.request,
    operation,
    spec,
    mountType: errand.mount.entry.type,
    reply,
    auth,
    lease,
    warnings:
      unknownFields.length === 0 ? warnings : [...warnings, ...ignoredFields(unknownFields, call.params)],
  });
  const reads = operation === 'read' || operation === 'list' || operation === 'scan';
  return {
    answer,
    durable:
      commit.committed ||
      answer.kind === 'stream' ||
      auth !== null ||
      lease !== null ||
      reply?.durable === true ||
      (!reads && spec.login !== true && spec.computes !== true),
    ...(reply?.afterwards === undefined ? {} : { afterwards: reply.afterwards }),
    ...(undo === undefined ? {} : { undo }),
    ...(identity === undefined ? {} : { identity }),
    ...(reply?.proven === true ? { proven: true } : {}),
  };
}

function handle(errand: Errand, call: Call, token: LeaseHolder | null): Promise<Handled> {
  // Only the writes of a login can meet a conflict here (a secret id's uses, say): then the method looks again.
  if (errand.spec.login === true) return retryOnConflict(() => handleOnce(errand, call, token));
  return handleOnce(errand, call, token);
}

async function handleOnce(errand: Errand, call: Call, token: LeaseHolder | null): Promise<Handled> {
  const { leases } = errand.core;
  const reply = withoutHidden(errand, await errand.spec.handle(call));
  const warnings = reply?.warnings ?? [];
  if (reply?.login !== undefined) {
    const { auth, warnings: more, undo } = await logIn(errand, reply.login);
    return {
      reply,
      auth,
      lease: null,
      warnings: [...warnings, ...more],
      undo,
      identity: identityOf(errand.mount.entry.uuid, reply.login.alias),
    };
  }
  if (reply?.lease !== undefined) {
    const lease = await leaseOut(errand, call, reply.lease, token);
    return { reply, auth: null, lease, warnings, undo: () => leases.revoke(lease.id) };
  }
  const { issued: auth = null, renewed: lease = null, undo } = reply ?? {};
  const begun = reply?.job === undefined ? reply : await withJob(errand, call, reply, token);
  return { reply: begun, auth, lease, warnings, undo };
}

/** A scan goes below the folder that was decided on: what its answer names is decided by name. */
function withoutHidden(errand: Errand, reply: Reply | undefined): Reply | undefined {
  const { operation, acl, mount, request, spec } = errand;
  if (operation !== 'scan' || reply?.data === undefined || reply.data === null) return reply;
  if (acl === undefined) return { ...reply, data: { keys: [] } };
  const scanned = { mount, path: request.path, ownDecision: spec.ownDecision === true };
  return { ...reply, data: shownOfScan(acl, scanned, reply.data) };
}

/** Begins the long work that a handler asked for; the answer names it. */
async function withJob(
  { core, commit }: Errand,
  call: Call,
  reply: Reply,
  token: LeaseHolder | null,
): Promise<Reply> {
  if (reply.job === undefined) return reply;
  const requester = {
    token: token?.id ?? null,
    identity: token?.identity,
    displayName: call.caller?.displayName ?? '',
  };
  const { id, writes } = await core.jobs.prepare(reply.job, requester);
  await commit.commit(writes);
  core.workOnJobs();
  return { ...reply, data: { ...reply.data, job_id: id } };
}

/** Ends with a token, or with what the login has to show before there is one. */
async function logIn(
  { core, mount: { entry }, request, commit, spec }: Errand,
  principal: Principal,
): Promise<{
  readonly auth: AuthAnswer;
  readonly warnings: readonly string[];
  readonly undo: () => Promise<unknown>;
}> {
  const { tokens, identities } = core;
  // Where a second factor may be wanted, what the login says of its groups counts only once that is proven.
  const putsOff = core.mfa.config.enforcements.length > 0;
  const found = await identityOfLogin(identities, entry, putsOff ? { alias: principal.alias } : principal);
  if (found?.entity.disabled === true) throw denied();
  const foreseen =
    putsOff && found !== undefined ? await identityForeseen(identities, entry, principal, found) : found;
  const shown = spec.clientCertificate === true ? request.clientCertificate?.() : undefined;
  const first = { request, mount: entry, principal, identity: foreseen, shown };
  const second = await secondFactorOf(core.mfa, first, (changes, asRead) => commit.commit(changes, asRead));
  const view = new MountView(core.barrier, entry.uuid, (writes, expectations) =>
    commit.commit(writes, expectations),
  );
  const expectations: readonly Expectation[] = view.expectations(principal.expectations ?? []);
  // What the method writes goes with the first factor's proof: it is good for one login, whatever becomes of the second.
  const writes = view.writes(principal.writes ?? []);
  if (second.kind === 'wanted') {
    await commit.commit([...second.writes, ...writes], expectations);
    return { auth: second.auth, warnings: [], undo: second.drop };
  }
  const identity = putsOff ? await settledIdentity(core, entry, principal, found) : found;
  const issued = issueLogin(core, entry, request.path, principal, identity, second.shown);
  // Only what the store keeps is counted.
  if (issued.writes.length > 0) await core.ceilings.admitToken(identityOf(entry.uuid, principal.alias));
  const all = [...issued.writes, ...second.writes, ...writes];
  const expected = [...expectations, ...second.expectations];
  // A batch token leaves nothing in the store, and its method may have nothing to write down either.
  if (all.length + expected.length > 0) await commit.commit(all, expected);
  core.meter.tally('token_issued');
  const { auth, warnings } = issued;
  return { auth, warnings, undo: () => tokens.revoke(tokens.idOf(auth.clientToken)) };
}

/**
 * The lease is stored before its secret leaves; if it cannot be, because the token or the mount ended meanwhile, say, the engine
 * takes the secret back at once.
 */
async function leaseOut(
  { core, mount, request, commit }: Errand,
  { caller, requestId }: Call,
  leased: Leased,
  token: LeaseHolder | null,
): Promise<LeaseAnswer> {
  const prepared = core.leases.prepare(request.path, mount, token, leased);
  const takeBack = () =>
    mount.engine.revoke?.({
      leaseId: prepared.record.id,
      internal: leased.internal,
      view: core.view(mount.entry.uuid),
    });
  // Where the use was spent first, the duty may have passed over the ended token already: it is sent there once more.
  const again =
    commit.spentLast && token !== null ? [dueWrite(core.clock.now(), 'token-tree', token.id)] : [];
  try {
    if (core.isShort()) throw storageFull();
    if (token?.identity !== undefined) await core.ceilings.admitLease(token.identity);
    // In the commit of the lease: nobody is told of what there is not, and nothing is handed out untold.
    const told = await core.notices.prepare(leaseNoticeKind, () =>
      leaseNotice({
        mount: mount.entry,
        record: prepared.record,
        told: leased.told ?? {},
        caller,
        requestId,
        remoteAddress: request.remoteAddress,
      }),
    );
    const mounted = await core.mounts.expectMounted(mount.entry.uuid);
    const view = new MountView(core.barrier, mount.entry.uuid, (writes, expectations) =>
      commit.commitForToken(writes, expectations),
    );
    await commit.commitForToken(
      [...prepared.writes, ...again, ...told.writes, ...view.writes(leased.writes ?? [])],
      [mounted, ...view.expectations(leased.expectations ?? [])],
    );
    told.sent();
  } catch (error) {
    await takeBack();
    throw error;
  }
  if (commit.spentLast) {
    await core.leases.revoke(prepared.record.id);
    throw new CofferError(
      'invalid_request',
      'Secret cannot be returned; token had one use left, so leased credentials were immediately revoked.',
    );
  }
  core.meter.tally('lease_issued');
  return { id: prepared.record.id, renewable: leased.renewable, duration: prepared.duration };
}

/** Fields that had no effect: unknown ones, and ones whose value the path has said already. */
function ignoredFields(names: readonly string[], params: Call['params']): readonly string[] {
  const captured = names.filter((name) => Object.hasOwn(params, name));
  const unknown = names.filter((name) => !Object.hasOwn(params, name));
  return [
    ...(unknown.length > 0 ? [`Endpoint ignored these unrecognized parameters: [${shown(unknown)}]`] : []),
    ...(captured.length > 0
      ? [
          `Endpoint replaced the value of these parameters with the values captured from the endpoint's path: [${shown(captured)}]`,
        ]
      : []),
  ];
}

function shown(names: readonly string[]): string {
  return names
    .toSorted()
    .slice(0, 10)
    .map((name) => name.slice(0, 60))
    .join(' ');
}
