/** How the agent proves who it is. */
import { boolean, choice, path } from '../config/kinds.ts';
import { apiPath, region, textOf, word } from './setting-kinds.ts';
import type { SettingsTable } from './settings-table.ts';

/** Files hold what proves it; the configuration holds no secret. */
export type LoginSettings =
  | {
      readonly method: 'approle';
      readonly mount: string;
      readonly roleIdFile: string;
      readonly secretIdFile: string;
      /** Once a login with it went well. */
      readonly removeSecretId: boolean;
    }
  | {
      readonly method: 'aws';
      readonly mount: string;
      readonly role: string | undefined;
      readonly region: string | undefined;
      readonly serverId: string | undefined;
    }
  | {
      readonly method: 'jwt';
      readonly mount: string;
      readonly role: string | undefined;
      readonly jwtFile: string;
    }
  | { readonly method: 'token'; readonly tokenFile: string };

const serverId = textOf(/^[!-~]{1,255}$/, 'printable text without spaces');

/** Undefined where there is no table, or something is wrong with it, which is a problem. */
export function readLogin(table: SettingsTable | undefined): LoginSettings | undefined {
  if (table === undefined) return undefined;
  const method = table.required('method', choice(['approle', 'aws', 'jwt', 'token']));
  const login = method === undefined ? undefined : readers[method](table);
  if (method !== undefined) table.end();
  return login;
}

const readers = {
  approle(table: SettingsTable): LoginSettings | undefined {
    const mount = table.or('mount', apiPath, 'approle');
    const roleIdFile = table.required('role_id_file', path);
    const secretIdFile = table.required('secret_id_file', path);
    const removeSecretId = table.or('remove_secret_id_file', boolean, false);
    if (roleIdFile === undefined || secretIdFile === undefined) return undefined;
    return { method: 'approle', mount, roleIdFile, secretIdFile, removeSecretId };
  },
  aws(table: SettingsTable): LoginSettings | undefined {
    return {
      method: 'aws',
      mount: table.or('mount', apiPath, 'aws'),
      role: table.optional('role', word),
      region: table.optional('region', region),
      serverId: table.optional('server_id', serverId),
    };
  },
  jwt(table: SettingsTable): LoginSettings | undefined {
    const mount = table.or('mount', apiPath, 'jwt');
    const role = table.optional('role', word);
    const jwtFile = table.required('jwt_file', path);
    return jwtFile === undefined ? undefined : { method: 'jwt', mount, role, jwtFile };
  },
  token(table: SettingsTable): LoginSettings | undefined {
    const tokenFile = table.required('token_file', path);
    return tokenFile === undefined ? undefined : { method: 'token', tokenFile };
  },
} as const;
