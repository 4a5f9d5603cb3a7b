/** What the endpoints of one mount share. */
import type { ProvenPrincipal } from '../../core/endpoint.ts';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { AuthMounts, EngineEnvironment } from '../engine.ts';
import { parsePrincipals, parseRemoved, shownPrincipal } from './principals.ts';
import type { Rules } from './rules.ts';
import { Secrets } from './secrets.ts';

export interface RoleMount {
  readonly secrets: Secrets;
  readonly random: Random;
  readonly mounts: AuthMounts;
  /** How words of lists are read and shown under these rules. */
  naming(rules: Pick<Rules, 'own'>): Names;
}

export interface Names {
  /** Throws `invalid_request`. */
  parse(words: readonly string[]): readonly ProvenPrincipal[];
  /** Takes also what is shown of mounts that are there no more. */
  parseRemoved(words: readonly string[]): readonly ProvenPrincipal[];
  show(list: readonly ProvenPrincipal[]): readonly string[];
}

/** Throws `internal` where nobody tells of auth mounts. */
export function roleMount(environment: EngineEnvironment): RoleMount {
  const { authMounts: mounts, random } = environment;
  if (mounts === undefined) throw new CofferError('internal', 'role-secrets must be told of auth mounts');
  return {
    secrets: new Secrets(environment),
    random,
    mounts,
    naming: ({ own }) => {
      const naming = { mounts, own: own ?? undefined };
      return {
        parse: (words) => parsePrincipals(words, naming),
        parseRemoved: (words) => parseRemoved(words, naming),
        show: (list) => list.map((principal) => shownPrincipal(principal, mounts)),
      };
    },
  };
}
