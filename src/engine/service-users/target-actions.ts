/** What is done at targets: delivering what is good, and taking away what was delivered where nobody wants it any more. */
import type { CredentialDocument, DocumentName } from '../../delivery/target.ts';
import type { WantedTarget } from './application.ts';
import { credentialKinds, documentFor, documentName, staleKinds, wantedCredential } from './documents.ts';
import type { Look } from './look.ts';
import { isGivenUp } from './plan.ts';
import { forgotten, withKind } from './steps.ts';
import { askTarget, Failed, type Tools } from './tools.ts';

/** Whoever comes upon the state knows from here on that these may hold documents. */
export function admit(look: Look): void {
  const { state, application } = look;
  const wanted = new Set(application.targets.map(({ address }) => address));
  const former = state.places.filter(({ address }) => !wanted.has(address));
  look.become({ ...state, places: [...former, ...application.targets] });
}

/** Whether every one of them would take something; one that is given up is not asked. */
export async function probe(look: Look, tools: Tools): Promise<boolean> {
  const { scene } = look;
  const awaited = look.application.targets.filter(({ address }) => !isGivenUp(scene, address));
  return each(awaited, (wanted) =>
    askTarget(look, tools, wanted, (target, signal) => target.probe(look.id, signal)),
  );
}

export async function empty(look: Look, tools: Tools, addresses: readonly string[]): Promise<void> {
  const places = look.state.places.filter(({ address }) => addresses.includes(address));
  await each(places, async (place) => {
    await askTarget(look, tools, place, (target, signal) => target.remove(look.id, signal));
    look.become(forgotten(look.state, place.address));
    look.tell('target.emptied', { detail: place.address });
  });
}

export async function deliver(look: Look, tools: Tools, addresses: readonly string[]): Promise<void> {
  const wanted = look.application.targets.filter(({ address }) => addresses.includes(address));
  await each(wanted, (target) => deliverTo(look, tools, target));
}

async function deliverTo(look: Look, tools: Tools, wanted: WantedTarget): Promise<void> {
  const { address } = wanted;
  const { state } = look;
  const changed = staleKinds(state, address).map(documentName);
  const documents: { [N in DocumentName]?: CredentialDocument } = {};
  for (const of of credentialKinds) {
    const credential = wantedCredential(state.kinds[of]);
    if (credential !== null) documents[documentName(of)] = documentFor(credential);
  }
  const known = credentialKinds.some((of) => state.kinds[of].delivered[address] !== undefined);
  const parcel = { application: look.id, documents, changed };
  await askTarget(look, tools, wanted, (target, signal) => target.deliver(parcel, signal));
  let next = look.state;
  for (const of of credentialKinds) {
    const version = documents[documentName(of)]?.version;
    if (version === undefined) continue;
    next = withKind(next, of, ({ delivered }) => ({ delivered: { ...delivered, [address]: version } }));
  }
  look.become(next);
  if (!known) {
    look.tell('target.filled', { detail: address });
    look.count('target_filled');
  }
}

/** One target that fails does not keep the others waiting. Whether none failed. */
async function each<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<boolean> {
  const outcomes = await Promise.allSettled(items.map(action));
  const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  for (const reason of reasons) if (!(reason instanceof Failed)) throw reason;
  return reasons.length === 0;
}
