/**
 * The password where the URL has none, as PostgreSQL's own programs find it: PGPASSWORD, then a file of passwords (PGPASSFILE, else
 * `~/.pgpass`). Looked for at each connection, so that a rotated password needs no restart.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CofferError } from '../../errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface PasswordWanted {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
}

/** Empty where there is none: the server may want none. Throws `store_unusable` for a file that others may read. */
export function findPassword(wanted: PasswordWanted, env: Environment): string {
  const direct = env['PGPASSWORD'] ?? '';
  if (direct !== '') return direct;
  const home = env['HOME'] ?? '';
  const named = env['PGPASSFILE'] ?? '';
  const path = named !== '' ? named : home === '' ? '' : join(home, '.pgpass');
  return path === '' ? '' : (passwordIn(readPrivate(path), wanted) ?? '');
}

function readPrivate(path: string): string {
  let mode: number;
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile()) return '';
    mode = stats.mode;
    if (process.getuid === undefined || (mode & 0o077) === 0) return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new CofferError('store_unusable', `the file of passwords ${path} cannot be read`, { cause });
  }
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  throw new CofferError(
    'store_unusable',
    `the file of passwords ${path} has mode ${octal}; say: chmod 600 ${path}`,
  );
}

/** The first line that fits: `host:port:database:user:password`, with `*` for anything and a backslash before `:` and `\`. */
export function passwordIn(text: string, wanted: PasswordWanted): string | undefined {
  const local = wanted.host.startsWith('/');
  const fields = [local ? 'localhost' : wanted.host, String(wanted.port), wanted.database, wanted.username];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const parts = (lineForm.exec(line) ?? []).slice(1);
    const password = parts[fields.length];
    if (password === undefined) continue;
    const fits = fields.every((field, index) => parts[index] === '*' || unescaped(parts[index]) === field);
    if (fits) return unescaped(password);
  }
  return undefined;
}

const field = String.raw`((?:[^:\\]|\\.)*)`;
const lineForm = new RegExp(`^${field}:${field}:${field}:${field}:(.*)$`);

function unescaped(text = ''): string {
  return text.replaceAll(/\\(.)/g, '$1');
}
