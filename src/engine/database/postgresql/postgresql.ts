/** PostgreSQL, by the driver pg, which is loaded when the first connection is made. */
import type { DatabasePlugin } from '../plugin.ts';
import { maskPostgresqlUrl, parsePostgresqlUrl } from './address.ts';
import { postgresqlSyntax } from './syntax.ts';

export const postgresql: DatabasePlugin = {
  names: ['postgresql-database-plugin'],
  summary: 'PostgreSQL',
  syntax: postgresqlSyntax,
  usernames: () => ({
    template:
      '{{ printf "v-%s-%s-%s-%s" (.DisplayName | truncate 8) (.RoleName | truncate 8) (random 20) (unix_time) | truncate 63 }}',
    // NAMEDATALEN less one: what is longer is cut without a word.
    longest: 63,
    unique: true,
  }),
  parseUrl: parsePostgresqlUrl,
  maskUrl: maskPostgresqlUrl,
  async hashPassword(password, random) {
    const { scramVerifier } = await import('../../../crypto/scram-verifier.ts');
    return scramVerifier(password, random);
  },
  async login(target, limits) {
    const { connectPostgresql } = await import('./session.ts');
    return connectPostgresql(target, limits);
  },
};
