/** Whether the codes that came with a login are what is wanted of it. */
import type { BarrierStore } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import type { Demand } from './enforcement.ts';
import type { MfaMethod } from './method.ts';
import { judgeCode, lockedError, readSecrets, type SecretChange } from './secret.ts';

/** Codes by method, as named by the caller: its id or its name. */
export type Codes = ReadonlyMap<string, string>;

/** Undefined where a code is wrong or missing: then `changes` says what is to be remembered of that. */
export interface Proof {
  readonly proven: boolean;
  readonly changes: readonly SecretChange[];
  /** The enforcement that is not satisfied, for the message. */
  readonly failed: string;
}

export function codeFor(codes: Codes, method: MfaMethod): string | undefined {
  return codes.get(method.id) ?? (method.name === '' ? undefined : codes.get(method.name));
}

/**
 * Each demand needs one code that is right, and no code that was sent for it may be wrong. A code serves every demand that takes
 * its method. Changes are to be committed whether proven or not: with the token if it is, by themselves if not. Throws
 * `rate_limited` while an entity's codes are not looked at.
 */
export async function prove(
  store: BarrierStore,
  entity: string,
  demands: readonly Demand[],
  codes: Codes,
  now: number,
): Promise<Proof> {
  const wanted = new Map<string, MfaMethod>();
  for (const { methods } of demands) for (const method of methods) wanted.set(method.id, method);
  const sent = [...wanted.values()].filter((method) => codeFor(codes, method) !== undefined);
  const secrets = await readSecrets(
    store,
    entity,
    sent.map(({ id }) => id),
  );
  const right = new Set<string>();
  const good: SecretChange[] = [];
  const bad: SecretChange[] = [];
  let wait = 0;
  for (const [at, method] of sent.entries()) {
    const stored = secrets[at];
    if (stored === undefined) continue;
    const verdict = judgeCode(stored, codeFor(codes, method) ?? '', method.maxAttempts, now);
    if (verdict.kind === 'locked') wait = Math.max(wait, verdict.wait);
    else if (verdict.kind === 'wrong') bad.push(verdict.change);
    else {
      right.add(method.id);
      good.push(verdict.change);
    }
  }
  if (wait > 0) throw lockedError(wait);
  const failed = demands.find(({ methods }) => !isSatisfied(methods, sent, right));
  if (failed === undefined && bad.length === 0) return { proven: true, changes: good, failed: '' };
  return { proven: false, changes: bad, failed: failed?.enforcement ?? demands[0]?.enforcement ?? '' };
}

function isSatisfied(
  methods: readonly MfaMethod[],
  sent: readonly MfaMethod[],
  right: ReadonlySet<string>,
): boolean {
  const tried = methods.filter((method) => sent.includes(method));
  return tried.length > 0 && tried.every(({ id }) => right.has(id));
}

/** One answer for a wrong code, one that was used, one that is missing, and an entity that has no secret. */
export function notProven(enforcement: string): CofferError {
  return new CofferError(
    'permission_denied',
    `login MFA validation failed: the codes do not satisfy the enforcement "${enforcement}"`,
  );
}

/** Methods that one login names. */
const mostCodes = 10;

/** The header `X-Vault-MFA`, each `method:code`. Throws `invalid_request`, never with a code. */
export function codesOfHeader(values: readonly string[]): Codes {
  const codes = new Map<string, string>();
  for (const value of values) {
    const colon = value.indexOf(':');
    const name = colon < 0 ? value : value.slice(0, colon);
    if (name === '' || codes.has(name) || values.length > mostCodes) {
      throw new CofferError(
        'invalid_request',
        `X-Vault-MFA is METHOD:CODE, once a method and for at most ${mostCodes} methods`,
      );
    }
    codes.set(name, colon < 0 ? '' : value.slice(colon + 1));
  }
  return codes;
}
