/** A login between the proof of its auth method and its token: whether it may go on, is refused, or waits for a second factor. */
import type { PlainWrite } from '../../barrier/store.ts';
import type { Expectation } from '../../storage/storage.ts';
import type { Principal } from '../endpoint.ts';
import type { Identities } from '../identity/identities.ts';
import type { Identity } from '../identity/identity.ts';
import { identityOfLogin, type KnownBy, type LoginMount } from '../identity/login.ts';
import type { MountEntry } from '../mount/entry.ts';
import type { AuthAnswer, Request } from '../request.ts';
import { denied } from './enforcement.ts';
import { type Mfa, requirement } from './mfa.ts';
import { codesOfHeader } from './proof.ts';

/** Commits with what the request owes. */
type Commit = (writes: readonly PlainWrite[], expectations: readonly Expectation[]) => Promise<unknown>;

export interface FirstFactor {
  readonly request: Request;
  readonly mount: MountEntry;
  readonly principal: Principal;
  readonly identity: Identity | undefined;
  /** What the client showed over TLS, where the method asks for that. */
  readonly shown: readonly Buffer[] | undefined;
}

export type SecondFactor =
  /** The token may be made, in a commit that does this too. */
  | {
      readonly kind: 'proven';
      /** Something was wanted, and shown. */
      readonly shown: boolean;
      readonly writes: readonly PlainWrite[];
      readonly expectations: readonly Expectation[];
    }
  /** To be committed in place of a token, and answered. */
  | {
      readonly kind: 'wanted';
      readonly writes: readonly PlainWrite[];
      readonly auth: AuthAnswer;
      readonly drop: () => Promise<void>;
    };

/** Throws `permission_denied` and `rate_limited`: see `Mfa`. */
export async function secondFactorOf(mfa: Mfa, first: FirstFactor, commit: Commit): Promise<SecondFactor> {
  const { request, mount, principal, identity } = first;
  const { type, accessor } = mount;
  const demands = mfa.demandsOn({ type, accessor, alias: principal.alias, identity });
  if (demands.length === 0 || identity === undefined) {
    return { kind: 'proven', shown: false, writes: [], expectations: [] };
  }
  if (request.mfa !== undefined) {
    const codes = codesOfHeader(request.mfa);
    const changes = await mfa.prove(identity.entity.id, demands, codes, (bad) =>
      commit(
        bad.map(({ write }) => write),
        bad.map(({ expectation }) => expectation),
      ),
    );
    return {
      kind: 'proven',
      shown: true,
      writes: changes.map(({ write }) => write),
      expectations: changes.map(({ expectation }) => expectation),
    };
  }
  const { writes: _writes, expectations: _expectations, ...proven } = principal;
  const { requestId, writes } = await mfa.pending.prepare({
    principal: proven,
    mount: mount.uuid,
    path: request.path,
    entity: identity.entity.id,
    wrapped: request.wrapTtl > 0,
    shown: first.shown?.map((der) => der.toString('base64')) ?? null,
  });
  const auth = { ...noToken, mfaRequirement: requirement(requestId, demands) };
  return { kind: 'wanted', writes, auth, drop: () => mfa.pending.drop(requestId) };
}

/**
 * Writes down what a login says of its alias, once all that was wanted of it is proven. Throws `permission_denied` where that is
 * not the entity by now which it was proven for.
 */
export async function settledIdentity(
  { identities }: { readonly identities: Identities },
  mount: LoginMount,
  known: KnownBy,
  proven: Identity | undefined,
): Promise<Identity | undefined> {
  const settled = await identityOfLogin(identities, mount, known);
  if (settled?.entity.id !== proven?.entity.id || settled?.entity.disabled === true) throw denied();
  return settled;
}

const noToken: AuthAnswer = {
  clientToken: '',
  accessor: '',
  policies: [],
  tokenPolicies: [],
  metadata: null,
  leaseDuration: 0,
  renewable: false,
  entityId: '',
  tokenType: 'service',
  orphan: false,
  numUses: 0,
};
