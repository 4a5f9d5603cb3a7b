/** Which documents an application's targets are meant to hold, by what its state says. */
import { clientDocument, userDocument } from '../../delivery/document.ts';
import type { CredentialDocument, DocumentName } from '../../delivery/target.ts';
import type { Credential, CredentialKind } from '../../service-user/provider.ts';
import type { ApplicationState, KindState, RotationStep } from './state.ts';

export const credentialKinds: readonly CredentialKind[] = ['password', 'client'];

const nameOf = { password: 'user', client: 'client' } as const satisfies Record<CredentialKind, DocumentName>;

/** Steps in which readers are meant to come to hold what was staged. */
const outward: ReadonlySet<RotationStep> = new Set<RotationStep>([
  'delivering',
  'verifying',
  'overlap',
  'committing',
]);

/** Its text is a secret's, and a digest of it costs more than a look here. */
const made = new WeakMap<Credential, CredentialDocument>();

/** The credential that targets are meant to hold; null where there is none yet. */
export function wantedCredential({ step, staged, current }: KindState): Credential | null {
  return staged !== null && outward.has(step) ? staged : current;
}

export function documentName(kind: CredentialKind): DocumentName {
  return nameOf[kind];
}

export function documentFor(credential: Credential): CredentialDocument {
  const known = made.get(credential);
  if (known !== undefined) return known;
  const document =
    credential.kind === 'password'
      ? userDocument(credential.id, credential.secret ?? '')
      : clientDocument(credential.id, credential.secret);
  made.set(credential, document);
  return document;
}

/** Kinds whose document at an address is not, as far as is known, the one that is wanted there. */
export function staleKinds(state: ApplicationState, address: string): readonly CredentialKind[] {
  return credentialKinds.filter((kind) => {
    const wanted = wantedCredential(state.kinds[kind]);
    return wanted !== null && state.kinds[kind].delivered[address] !== documentFor(wanted).version;
  });
}
