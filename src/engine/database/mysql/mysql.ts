/** MySQL and MariaDB, by the driver mysql2, which is loaded when the first connection is made. */
import type { DatabasePlugin } from '../plugin.ts';
import { maskMysqlUrl, parseMysqlUrl } from './address.ts';
import { mysqlSyntax } from './syntax.ts';

/** Servers of these names may be of a time when a user's name had 16 characters. */
const old = ['mysql-legacy-database-plugin', 'mysql-rds-database-plugin', 'mysql-aurora-database-plugin'];

export const mysql: DatabasePlugin = {
  names: ['mysql-database-plugin', ...old],
  summary: 'MySQL and MariaDB',
  syntax: mysqlSyntax,
  usernames: (name) =>
    old.includes(name)
      ? {
          template: '{{ printf "v-%s-%s" (.RoleName | truncate 4) (random 20) | truncate 16 }}',
          longest: 16,
          unique: false,
        }
      : {
          template:
            '{{ printf "v-%s-%s-%s-%s" (.DisplayName | truncate 10) (.RoleName | truncate 10) (random 20) (unix_time) | truncate 32 }}',
          longest: 32,
          unique: false,
        },
  parseUrl: parseMysqlUrl,
  maskUrl: maskMysqlUrl,
  async login(target, limits) {
    const { connectMysql } = await import('./session.ts');
    return connectMysql(target, limits);
  },
};
