/**
 * The life of one request, whatever its dialect: route, authenticate, decide, audit, handle, lease, audit. There is one
 * decision, and nothing reaches a secret around it.
 */
import type { Clock } from '../clock.ts';
import { CofferError } from '../errors.ts';
import { admission, strangersWith } from './admission.ts';
import { asksIfAlive } from './alive.ts';
import { errorAnswer } from './answer.ts';
import { type AuditedDecision, requestLine, responseLine } from './audit-lines.ts';
import { AuditedStream } from './audited-stream.ts';
import { callerOf } from './caller-of.ts';
import { carryOut, type Outcome } from './carry-out.ts';
import { consentTo, withConsent } from './consent.ts';
import type { Core } from './core.ts';
import type { CoreCall } from './core-call.ts';
import { type Destination, findDestination } from './destination.ts';
import type { Call, OperationSpec } from './endpoint.ts';
import type { CoercedFields } from './field.ts';
import { helpAnswer } from './help.ts';
import { type Judgement, judge, openToEveryone } from './judge.ts';
import { logFault } from './log-fault.ts';
import { noTelemetry, type Passage, type Telemetry } from './meter.ts';
import { isBuiltin } from './mount/builtin.ts';
import { MountView } from './mount/view.ts';
import type { Peers } from './peers.ts';
import type { Acl } from './policy/acl.ts';
import type { StrangerLimit, Strangers } from './quota/strangers.ts';
import { isAbsent, none, readFields } from './read-fields.ts';
import { refusal } from './refusal.ts';
import type { Answer, Request, Road } from './request.ts';
import { RequestCommit } from './request-commit.ts';
import { type IsUrgent, storageFull, waitsForRoom } from './room.ts';
import type { SealState } from './seal-state.ts';
import type { Log } from './seal-state-options.ts';
import { sealedTable, serveSealed } from './serve-sealed.ts';
import { allowedOrigins } from './server/cors.ts';
import type { InFlight } from './server/in-flight.ts';
import { auditedHeaders } from './server/request-headers.ts';
import { type Authentication, authenticate } from './token/authenticate.ts';
import { present, type Unwrapped, unwrappedBy } from './unwrapped.ts';
import { admitWrapping, type EncodeAnswer, wrapOutcome } from './wrap-answer.ts';

export interface RoadOptions {
  readonly state: SealState;
  readonly clock: Clock;
  readonly log: Log;
  /** The listener's own: a wrapped answer is kept as the text that it would have been. */
  readonly encode: EncodeAnswer;
  /** As of now. */
  readonly limits: () => StrangerLimit;
  readonly telemetry?: Telemetry | undefined;
  readonly inFlight?: InFlight;
  readonly peers?: Peers | undefined;
  /** What is done on a full disk too; nothing but reading if absent. */
  readonly isUrgent?: IsUrgent;
}

export function createRoad(options: RoadOptions): Road {
  const { state, clock, log, limits, inFlight, peers, telemetry = noTelemetry } = options;
  const withoutStore = sealedTable(state, clock, telemetry);
  const strangers = strangersWith(limits, { clock, peers });
  return {
    ...admission({ state, clock, telemetry, peers }, strangers),
    cors: () => allowedOrigins(state.core?.settings.cors),
    async handle(request) {
      const passage = telemetry.passage(request);
      const place = inFlight?.begin(request, clock.now());
      const answer = await (async () => {
        if (asksIfAlive(request)) return serveSealed(state, withoutStore, clock, request, passage);
        const core = state.core;
        if (core === undefined) {
          strangers.charge(request.remoteAddress, clock.steady());
          return serveSealed(state, withoutStore, clock, request, passage);
        }
        return travel(core, request, options, strangers, passage);
      })().catch((error: unknown) => {
        logFault(log, request, error);
        return errorAnswer(request, error);
      });
      if (place !== undefined) inFlight?.end(place);
      const code = answer.kind === 'error' ? answer.code : undefined;
      passage.ended(answer.kind === 'empty' ? 204 : answer.status, code);
      return answer;
    },
  };
}

async function travel(
  core: Core,
  request: Request,
  options: RoadOptions,
  strangers: Strangers,
  passage: Passage,
): Promise<Answer> {
  const outcome = await journey(core, request, options, strangers, passage);
  await outcome.afterwards?.().catch((error: unknown) => takeBack(options.log, request, outcome, error));
  if (outcome.answer.kind !== 'stream') return outcome.answer;
  const { body } = outcome.answer;
  const fault = (error: unknown) => logFault(options.log, request, error);
  return { ...outcome.answer, body: new AuditedStream(core.audit, request, body, fault) };
}

/** Up to the answer's line. `unwrapped` goes by the token that sent it, and by nothing of this request's own. */
async function journey(
  core: Core,
  request: Request,
  options: RoadOptions,
  strangers: Strangers,
  passage: Passage,
  unwrapped?: Unwrapped,
): Promise<Outcome> {
  const { log } = options;
  let snapshot = await present(core, request, unwrapped);
  // Most requests wait for nothing here: what is cached is current, and awaiting it would still cost a turn.
  let epoch = core.current(snapshot.epoch);
  if (epoch === undefined) {
    epoch = await core.at(snapshot.epoch);
    // The keyring may have changed, and with it which batch tokens open.
    if (snapshot.token?.record.type === 'batch') snapshot = await core.tokenReader.present(request.token);
  }
  const { table } = core.mounts;
  const presented = request.token !== undefined || unwrapped !== undefined;
  const who = authenticate(presented, snapshot.token, table, request.remoteAddress, core.clock.now());
  if (who.kind === 'refused' && strangers.wait(request.remoteAddress, core.clock.steady()) > 0) {
    throw new CofferError('rate_limited', 'too many requests without a valid token; try again later');
  }
  const destination = findDestination(table, request);
  passage.routed(
    destination.route?.mount.entry.type ?? '',
    destination.endpoint,
    destination.spec?.login === true && destination.route?.mount.entry.kind === 'auth',
  );
  const acl =
    who.kind === 'token'
      ? (core.policies.compiled(who.token, epoch.policies) ??
        (await core.policies.aclOf(who.token, epoch.policies)))
      : undefined;
  const visit = await prepareVisit(core, request, destination, who, acl);
  const { decision } = visit;
  await core.audit.append(
    requestLine(core.audit, {
      request,
      operation: visit.call.operation,
      mountType: destination.route?.mount.entry.type ?? '',
      fields: destination.endpoint?.fields ?? {},
      token: who.kind === 'token' ? who.token : undefined,
      decision,
      clear: destination.route?.mount.entry.config.clearRequestKeys,
      headers: auditedHeaders(core.settings.auditedHeaders, request, core.audit),
    }),
    'kernel',
  );
  const carry = (held: Unwrapped) =>
    journey(core, held.request, options, strangers, noTelemetry.passage(held.request), held);
  const outcome = await settle(core, request, destination, visit, who, options, { unwrapped, carry }).catch(
    (error: unknown): Outcome => {
      logFault(log, request, error);
      return { answer: errorAnswer(request, error), durable: visit.commit.committed };
    },
  );
  if (who.kind !== 'token' && !isLogin(outcome.answer) && outcome.proven !== true)
    strangers.charge(request.remoteAddress, core.clock.steady());
  const line = responseLine(
    core.audit,
    request,
    visit.call.operation,
    outcome.answer,
    destination.spec?.response,
    destination.route?.mount.entry.config.clearAnswerKeys,
  );
  const written = core.audit.append(line, outcome.durable ? 'disk' : 'kernel');
  await written.catch((error: unknown) => takeBack(log, request, outcome, error));
  return outcome;
}

/** The caller will never see what was made: it must not live on unseen either. */
async function takeBack(log: Log, request: Request, { undo }: Outcome, error: unknown): Promise<never> {
  await undo?.().catch((failure: unknown) => logFault(log, request, failure));
  throw error;
}

/** Whoever logs in is no stranger, also where the token is wrapped. */
function isLogin(answer: Answer): boolean {
  return answer.kind === 'envelope' && (answer.auth !== null || answer.wrap !== null);
}

interface Visit {
  readonly acl: Acl | undefined;
  readonly call: Call;
  readonly commit: RequestCommit;
  readonly decision: AuditedDecision;
  /** Thrown once the request is audited and its use is spent. */
  readonly fieldError: CofferError | undefined;
  readonly unknownFields: readonly string[];
}

async function prepareVisit(
  core: Core,
  request: Request,
  destination: Destination,
  who: Authentication,
  acl: Acl | undefined,
): Promise<Visit> {
  const { spec, endpoint } = destination;
  const token = who.kind === 'token' ? who.token : undefined;
  const exempt = (spec?.login === true && spec.takesUse !== true) || spec?.useExempt === true;
  const commit = new RequestCommit(core.barrier, core.tokens, exempt ? undefined : token);
  // Nobody without a token makes us work on fields that nothing will come of.
  const mayBeHandled = acl !== undefined || isOpen(spec, request);
  const { coerced, fieldError: unreadable } = readFields(mayBeHandled ? endpoint : undefined, request);
  const call = buildCall(core, request, destination, coerced, commit, who, acl);
  const writes = destination.operation === 'update' && spec !== undefined && acl !== undefined;
  const { absent, problem } =
    writes && unreadable === undefined
      ? await isAbsent(endpoint, call)
      : { absent: false, problem: undefined };
  const visited = absent ? { ...call, operation: 'create' as const } : call;
  const fieldError = unreadable ?? problem;
  const { decision, path } = decide(request, visited, destination, who, acl);
  return {
    acl,
    // What a handler decides besides, it decides by the same form of the path: another spelling is no way to other rules.
    call: path === request.path || !('path' in visited) ? visited : ({ ...visited, path } as CoreCall),
    commit,
    fieldError,
    unknownFields: endpoint?.openFields === true ? none : coerced.unknown,
    decision,
  };
}

/** A new one each time: listeners on one that is shared would never go away. */
function neverAborted(): AbortSignal {
  return new AbortController().signal;
}

function buildCall(
  core: Core,
  request: Request,
  destination: Destination,
  coerced: CoercedFields,
  commit: RequestCommit,
  who: Authentication,
  acl: Acl | undefined,
): Call {
  const token = who.kind === 'token' ? who.token : undefined;
  const mount = destination.route?.mount.entry;
  const call: Call = {
    requestId: request.id,
    operation: destination.operation ?? 'read',
    params: destination.params,
    fields: coerced.values,
    data: request.data,
    caller: callerOf(token),
    clock: core.clock,
    remoteAddress: request.remoteAddress,
    signal: request.signal ?? neverAborted,
    clientCertificate: destination.spec?.clientCertificate === true ? request.clientCertificate : undefined,
    view: new MountView(core.barrier, mount?.uuid ?? '', (writes, expectations) =>
      commit.commit(writes, expectations),
    ),
    asked: {},
  };
  if (mount === undefined || !isBuiltin(mount.type)) return call;
  // Named one by one: copying the members costs some 4 µs with each request.
  const coreCall: CoreCall = {
    requestId: call.requestId,
    operation: call.operation,
    params: call.params,
    fields: call.fields,
    data: call.data,
    caller: call.caller,
    clock: call.clock,
    remoteAddress: call.remoteAddress,
    signal: call.signal,
    clientCertificate: call.clientCertificate,
    view: call.view,
    asked: {},
    path: request.path,
    token,
    tokenText: request.token,
    acl,
    wrapTtl: request.wrapTtl,
  };
  return coreCall;
}

/** The one decision. Endpoints that need no login are open; all others want a living token and a rule that allows. */
function decide(
  request: Request,
  call: Call,
  destination: Destination,
  who: Authentication,
  acl: Acl | undefined,
): { readonly decision: AuditedDecision; readonly path: Judgement['path'] } {
  const { spec } = destination;
  const { path, data, wrapTtl } = request;
  if (isOpen(spec, request)) return { decision: openToEveryone, path };
  if (who.kind === 'anonymous') return { decision: { kind: 'deny', reason: 'missing client token' }, path };
  if (who.kind === 'refused' || acl === undefined) {
    const reason = who.kind === 'refused' ? who.reason : 'no policies';
    return { decision: { kind: 'deny', reason }, path };
  }
  const asked = request.operation === 'update' ? call.operation : request.operation;
  return judge(acl, { operation: asked, path, data, wrapTtl }, destination);
}

function isOpen(spec: OperationSpec | undefined, request: Request): boolean {
  return spec?.login === true || (spec?.metrics === true && request.metricsWithoutToken === true);
}

async function settle(
  core: Core,
  request: Request,
  destination: Destination,
  visit: Visit,
  who: Authentication,
  { encode, isUrgent }: RoadOptions,
  { unwrapped, carry }: { unwrapped: Unwrapped | undefined; carry: (held: Unwrapped) => Promise<Outcome> },
): Promise<Outcome> {
  const { commit, decision, fieldError } = visit;
  const { route, endpoint, spec, operation } = destination;
  try {
    if (decision.kind === 'deny') throw refusal(who, spec);
    if (route === undefined) {
      throw new CofferError('no_route', `no handler for route "${request.path}". route entry not found.`);
    }
    if (request.operation === 'help') {
      await commit.spend();
      return { answer: helpAnswer(endpoint, route), durable: commit.committed };
    }
    if (endpoint === undefined) throw new CofferError('unsupported_path', 'unsupported path');
    if (spec === undefined || operation === undefined) {
      throw new CofferError('unsupported_operation', 'unsupported operation');
    }
    if (fieldError !== undefined) throw fieldError;
    if (core.isShort() && waitsForRoom(request, isUrgent)) throw storageFull();
    const token = who.kind === 'token' ? who.token.record : undefined;
    if (request.wrapTtl > 0) await admitWrapping(core, { request, mount: route.mount, spec, token });
    const held = spec.unwraps === true ? await unwrappedBy(core, visit.call, request) : undefined;
    if (held !== undefined && decision.kind === 'allow') {
      // Before the other request takes one of what may be the same token's.
      await commit.spend();
      return { ...(await carry(held)), durable: true };
    }
    const consent =
      decision.kind === 'allow' && unwrapped === undefined
        ? undefined
        : await consentTo({
            core,
            request,
            endpoint,
            spec,
            mountType: route.mount.entry.type,
            call: visit.call,
            token: who.kind === 'token' ? who.token : undefined,
            decision,
            unwrapped,
          });
    if (consent?.kind === 'held') {
      await commit.spend();
      return consent.outcome;
    }
    if (consent !== undefined) commit.charge(consent.toll);
    const outcome = await carryOut(
      {
        core,
        request,
        mount: route.mount,
        operation,
        spec,
        commit,
        unknownFields: visit.unknownFields,
        acl: visit.acl,
      },
      consent === undefined ? visit.call : ({ ...visit.call, approved: true } as CoreCall),
      token ?? null,
    );
    const last = withConsent(outcome, consent);
    if (request.wrapTtl === 0) return last;
    return await wrapOutcome(core, request, last, outcome.identity ?? token?.identity, encode);
  } catch (error) {
    // A use is spent on refusals and bad input too, before the answer.
    await commit.spend();
    throw error;
  }
}
