/** Templates of user names of databases: those of every engine, with the names that Vault's own of databases use. */
import type { Random } from '../../crypto/random.ts';
import { checkNameTemplate, renderNameTemplate } from '../name-template.ts';

export interface UsernameInput {
  readonly displayName: string;
  readonly roleName: string;
  /** Milliseconds. */
  readonly now: number;
  readonly random: Random;
}

/** A user's name by a template. Throws `invalid_request` for a template that is not understood. */
export function renderUsername(
  template: string,
  { displayName, roleName, now, random }: UsernameInput,
): string {
  return renderNameTemplate(template, {
    fields: { DisplayName: displayName, RoleName: roleName },
    now,
    random,
  });
}

/** Throws `invalid_request` for a template that cannot be used, or whose names would meet. `longest` is in bytes. */
export function checkUsernameTemplate(template: string, longest: number): void {
  checkNameTemplate(
    template,
    { DisplayName: 'display-name-of-somebody', RoleName: 'name-of-some-role' },
    longest,
  );
}
