/** Who says where an application's credentials go, beyond what policies say. */
import type { Caller } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import type { Application } from './application.ts';

/**
 * Throws `permission_denied` unless the caller is in the identity group that has the team's name, where the application has a team. Nobody else may, a token
 * that may do anything included: it has no entity, and so nobody to answer for it.
 */
export function mustBeOfTeam({ id, team }: Application, caller: Caller | undefined): void {
  if (team === '') return;
  const entity = caller?.entityId ?? '';
  if (entity !== '' && caller?.groups.some(({ name }) => name === team)) return;
  throw new CofferError(
    'permission_denied',
    `application ${id} belongs to the team ${JSON.stringify(team)}: this takes a login that is in the identity group of that name`,
  );
}
