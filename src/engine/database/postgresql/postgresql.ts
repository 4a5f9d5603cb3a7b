/** PostgreSQL, by the driver pg, which is loaded when the first connection is made. */
import type { DatabasePlugin } from '../plugin.ts';
import { maskPostgresqlUrl, parsePostgresqlUrl } from './address.ts';

export const postgresql: DatabasePlugin = {
  names: ['postgresql-database-plugin'],
  summary: 'PostgreSQL',
  syntax: {
    backslashes: false,
    doubleQuotedText: false,
    backticks: false,
    dollarBodies: true,
    hashComments: false,
  },
  usernames: () => ({
    template:
      '{{ printf "v-%s-%s-%s-%s" (.DisplayName | truncate 8) (.RoleName | truncate 8) (random 20) (unix_time) | truncate 63 }}',
    // NAMEDATALEN less one: what is longer is cut without a word.
    longest: 63,
  }),
  parseUrl: parsePostgresqlUrl,
  maskUrl: maskPostgresqlUrl,
  async login(target, limits) {
    const { connectPostgresql } = await import('./session.ts');
    return connectPostgresql(target, limits);
  },
};
