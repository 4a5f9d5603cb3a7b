/** `postgres`: roles of a PostgreSQL server, two that take turns for each application. */
import type { ProviderType } from '../provider.ts';
import { PostgresUsers } from './postgres-users.ts';
import { parseSettings, postgresType } from './settings.ts';

export const postgresRoles: ProviderType = {
  type: postgresType,
  summary: 'roles of PostgreSQL, two that take turns for each application',
  secret: 'the password of username',
  open: (settings, { clock, random }) => new PostgresUsers(parseSettings(settings), { clock, random }),
};
