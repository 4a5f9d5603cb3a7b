/** Names of users of IAM and of sessions: by `username_template`, or as Vault's are but for more chance in them. */
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { checkNameTemplate, renderNameTemplate } from '../name-template.ts';

export interface UsernameInput {
  readonly displayName: string;
  readonly roleName: string;
  readonly type: 'IAM' | 'STS';
  /** Milliseconds. */
  readonly now: number;
  readonly random: Random;
}

/** Characters; what IAM takes of users and STS of federated users. */
const longestOf = { IAM: 64, STS: 32 } as const;

const usual = {
  IAM: '{{ printf "vault-%s-%s-%s" (printf "%s-%s" .DisplayName .PolicyName | truncate 26) (unix_time) (random 20) | truncate 64 }}',
  STS: '{{ printf "vault-%s-%s" (unix_time) (random 20) | truncate 32 }}',
} as const;

/**
 * A name by the mount's template; empty for the usual one.
 *
 * @param longest in characters
 * @throws `invalid_request` where it makes none that AWS takes
 */
export function renderUsername(template: string, input: UsernameInput, longest: number): string {
  const { displayName, roleName, type, now, random } = input;
  const fields = { DisplayName: displayName, PolicyName: roleName, Type: type };
  const name = renderNameTemplate(template || usual[type], { fields, now, random });
  if (name.length >= 2 && name.length <= longest && /^[\w+=,.@-]+$/.test(name)) return name;
  throw new CofferError(
    'invalid_request',
    `username_template makes a name that AWS does not take: 2 to ${longest} letters, digits and _+=,.@-`,
  );
}

/** Throws `invalid_request` for a template that cannot be used, or whose names would meet. */
export function checkUsernameTemplate(template: string): void {
  for (const type of ['IAM', 'STS'] as const) {
    const fields = { DisplayName: 'display-name-of-somebody', PolicyName: 'name-of-some-role', Type: type };
    checkNameTemplate(template, fields, longestOf[type]);
  }
}
