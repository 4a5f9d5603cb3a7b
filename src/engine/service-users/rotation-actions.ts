/** The steps of a rotation as they are carried out: one call at the provider each, and what is known after it. */
import { randomBase62 } from '../../crypto/random.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { Credential, CredentialKind } from '../../service-user/provider.ts';
import { wantedCredential } from './documents.ts';
import { laggard } from './laggards.ts';
import type { Look } from './look.ts';
import { isGivenUp, isHurried, providerSubject, wantsHurry } from './plan.ts';
import type { KindState } from './state.ts';
import * as steps from './steps.ts';
import { probe } from './target-actions.ts';
import { overlapOf, rotationAt } from './timetable.ts';
import { askProvider, Failed, serviceUser, type Tools } from './tools.ts';
import { failureOf, post } from './trouble.ts';

/** Characters of a proposed secret: 190 bits. */
const secretLength = 32;
/** Refusals in a row after which a staged credential is given up: some providers take a moment until they know their own. */
const mostRefusals = 3;

export async function begin(look: Look, tools: Tools, kinds: readonly CredentialKind[]): Promise<void> {
  if (!(await probe(look, tools))) {
    const waits = kinds.filter((of) => look.state.kinds[of].step !== 'probing');
    for (const of of waits) change(look, of, () => ({ step: 'probing', stepSince: look.now }));
    return;
  }
  const { scene, now, application } = look;
  for (const of of kinds) {
    const beginning = {
      now,
      proposed: randomBase62(look.parts.environment.random, secretLength),
      emergency: wantsHurry(scene, of),
      request: application.request.count,
    };
    if (look.state.kinds[of].stray === 0) look.fresh.add(of);
    change(look, of, (kind) => steps.begun(kind, beginning));
  }
}

/** What an earlier try may have left is ended first, as far as it can be told from what is good. */
export async function resume(look: Look, tools: Tools, of: CredentialKind): Promise<void> {
  const kind = look.state.kinds[of];
  const known = knownOf(kind);
  await askProvider(look, tools, async (provider, turn) => {
    // Of a user that nothing is known of yet, credentials may be in use that were made before it was registered here: they stay while there is room.
    if (known.length === 0 && kind.stray < provider.traits.most) return;
    await provider.retireOthers(serviceUser(look.application), of, known, turn);
  });
  change(look, of, ({ stray }) => ({ stray: known.length === 0 ? stray + 1 : 1 }));
  look.fresh.add(of);
}

export async function stage(look: Look, tools: Tools, of: CredentialKind): Promise<void> {
  look.fresh.delete(of);
  const { generation, proposed, current } = look.state.kinds[of];
  const staging = {
    kind: of,
    generation,
    proposed: proposed ?? randomBase62(look.parts.environment.random, secretLength),
    ...(current === null ? {} : { current }),
  };
  const user = serviceUser(look.application);
  let credential: Credential;
  try {
    credential = await askProvider(look, tools, (provider, turn) => provider.stage(user, staging, turn));
  } catch (error) {
    if (error instanceof Failed && isCertain(error.cause)) {
      change(look, of, (kind) => steps.notStaged(kind, look.now));
      // It may say so because it has lost the user.
      look.become({ ...look.state, syncedFor: 0 });
    }
    throw error;
  }
  if (credential.secret === null && (of === 'password' || user.confidential)) {
    withdraw(look, of);
    const text = `it made a ${of} without a secret`;
    return look.failed(providerSubject, failureOf(new CofferError('invalid_request', text)));
  }
  const fitting = of === 'client' && !user.confidential ? { ...credential, secret: null } : credential;
  change(look, of, (kind) => steps.staged(kind, { ...fitting, kind: of, generation }));
  await tryOut(look, tools, of);
}

/** Before anybody is given it: a provider that lost it must not make targets lose the one that is good. */
export async function tryOut(look: Look, tools: Tools, of: CredentialKind): Promise<void> {
  const { staged, refusals } = look.state.kinds[of];
  if (staged === null) return;
  if (await isAccepted(look, tools, staged)) return change(look, of, () => steps.goingOut(look.now));
  if (refusals + 1 < mostRefusals) change(look, of, () => ({ refusals: refusals + 1 }));
  else withdraw(look, of);
  refuse(look, of);
}

export async function verify(look: Look, tools: Tools, of: CredentialKind): Promise<void> {
  if (look.state.kinds[of].step === 'delivering') {
    change(look, of, () => ({ step: 'verifying', stepSince: look.now }));
  }
  const wanted = wantedCredential(look.state.kinds[of]);
  if (wanted !== null && !(await isAccepted(look, tools, wanted))) {
    withdraw(look, of);
    return refuse(look, of);
  }
  const { now, application, settings } = look;
  const { beganAt, generation } = look.state.kinds[of];
  change(look, of, (kind) => steps.verified(kind, now, overlapOf(application, settings)));
  noteNext(look, of);
  look.tell('rotated', { kind: of, generation, duration: now - (beganAt ?? now) });
  look.count('credential_rotated');
}

export async function commit(look: Look, tools: Tools, of: CredentialKind): Promise<void> {
  const { staged } = look.state.kinds[of];
  if (staged === null) return change(look, of, () => ({ step: 'retiring', stepSince: look.now }));
  const user = serviceUser(look.application);
  let refusal: unknown;
  const outcome = await askProvider(look, tools, async (provider, turn) => {
    try {
      await provider.commit(user, staged, turn);
      return 'committed';
    } catch (error) {
      if (asCofferError(error).code !== 'invalid_request') throw error;
      refusal = error;
      return provider.verify(user, staged, turn);
    }
  });
  if (outcome === 'committed') return change(look, of, (kind) => steps.committed(kind, look.now));
  // It may have lost what it had accepted before: then there is nothing to commit.
  if (outcome === 'refused') withdraw(look, of);
  look.failed(providerSubject, failureOf(refusal));
}

export async function release(look: Look, tools: Tools, of: CredentialKind): Promise<void> {
  const kind = look.state.kinds[of];
  if (!isHurried(look.scene, of) && (await waitsForReader(look, of, kind))) {
    look.waiting.add(of);
    return;
  }
  const good = wantedCredential(kind);
  if (good !== null && !(await isAccepted(look, tools, good))) {
    withdraw(look, of);
    return refuse(look, of);
  }
  change(look, of, (now) => steps.released(now, look.now));
}

async function waitsForReader(look: Look, of: CredentialKind, kind: KindState): Promise<boolean> {
  const { settings, now, id } = look;
  const seenSince = now - settings.readerWindow * 1_000;
  const reader = await laggard(look.view, { application: id, of, kind, seenSince });
  if (reader === undefined) return false;
  if (now < kind.overlapUntil + settings.readerPatience * 1_000) return true;
  look.tell('retired', { kind: of, detail: `although ${reader} still holds an old one` });
  look.count('reader_behind');
  await post(look, 'rotation.reader_behind', `An old ${of} of ${id} ends although a reader holds it`, {
    kind: of,
    reader,
  });
  return false;
}

export async function retire(look: Look, tools: Tools, of: CredentialKind): Promise<void> {
  const { current, emergency } = look.state.kinds[of];
  const user = serviceUser(look.application);
  const keep = current === null ? [] : [current];
  await askProvider(look, tools, (provider, turn) => provider.retireOthers(user, of, keep, turn));
  if (emergency) {
    await askProvider(look, tools, async (provider, turn) => provider.revokeSessions?.(user, turn));
    const without = look.application.targets
      .map(({ address }) => address)
      .filter((address) => isGivenUp(look.scene, address));
    const behind = without.length === 0 ? '' : `, although ${without.join(', ')} could not be reached`;
    look.tell('retired', { kind: of, detail: `at once, with all sessions${behind}` });
  }
  change(look, of, () => steps.retired(look.now));
}

export async function sweep(look: Look, tools: Tools, of: CredentialKind): Promise<void> {
  const keep = knownOf(look.state.kinds[of]);
  const user = serviceUser(look.application);
  await askProvider(look, tools, (provider, turn) => provider.retireOthers(user, of, keep, turn));
  change(look, of, () => ({ stray: 0 }));
}

function knownOf({ current, old }: KindState): readonly Credential[] {
  return current === null ? old : [...old, current];
}

async function isAccepted(look: Look, tools: Tools, credential: Credential): Promise<boolean> {
  const user = serviceUser(look.application);
  const verdict = await askProvider(look, tools, (provider, turn) => provider.verify(user, credential, turn));
  return verdict !== 'refused';
}

/** Nothing more is asked of the provider now: it comes to its senses, or somebody looks after it. */
function refuse(look: Look, of: CredentialKind): void {
  const text = `it refuses the ${of} that it made for ${look.application.username}`;
  look.failed(providerSubject, failureOf(new CofferError('unavailable', text)));
  // The user itself may be gone: it is ensured again before anything else is asked.
  look.become({ ...look.state, syncedFor: 0 });
}

function withdraw(look: Look, of: CredentialKind): void {
  const { generation } = look.state.kinds[of];
  const overlap = overlapOf(look.application, look.settings);
  change(look, of, (kind) => steps.withdrawn(kind, look.now, overlap));
  look.tell('withdrawn', { kind: of, generation, detail: 'the provider refuses it' });
  look.count('credential_withdrawn');
}

function change(look: Look, of: CredentialKind, step: (kind: KindState) => Partial<KindState>): void {
  look.become(steps.withKind(look.state, of, step));
}

function noteNext(look: Look, of: CredentialKind): void {
  const { application, settings } = look;
  change(look, of, (kind) => ({ nextAt: rotationAt(of, kind, application, settings) }));
}

/** Whether a call that failed is known to have had no effect. */
function isCertain(cause: unknown): boolean {
  const { code } = asCofferError(cause);
  const said = code === 'invalid_request' || code === 'permission_denied' || code === 'rate_limited';
  return said || failureOf(cause).pause !== undefined;
}
