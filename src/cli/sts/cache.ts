/**
 * Credentials kept until they end: in the keyring of the desktop where there is one (the Secret Service, by the program
 * secret-tool), else in a file that only its owner may read. Nothing here is worth more than an hour, and whatever cannot be read is
 * as if it were not there.
 */
import { readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject, type JsonValue } from '../../json.ts';
import { makePrivateDirectory, writePrivateFile } from '../private-file.ts';
import { type Environment, type Shell, variable } from '../shell.ts';
import { isReadableByOthers } from '../token-file.ts';
import type { Credentials } from './credentials.ts';

/** Milliseconds that they must still last: what is started with them needs some time too. */
const leastLeft = 5 * 60 * 1_000;

/** @param subject names what they are for, as a file may be named */
export async function readKept(shell: Shell, subject: string): Promise<Credentials | undefined> {
  const text = hasKeyring(shell.env)
    ? await keyring(shell, ['lookup'], subject, '')
    : readFile(fileOf(shell, subject));
  const kept = text === undefined || text === '' ? undefined : parse(text);
  if (kept?.expiration === undefined || kept.expiration - shell.now() < leastLeft) return undefined;
  return kept;
}

/** What has no known end is not kept. A place that cannot be written costs the next call its codes, and no more. */
export async function keep(shell: Shell, subject: string, credentials: Credentials): Promise<void> {
  if (credentials.expiration === undefined || credentials.expiration - shell.now() < leastLeft) return;
  const text = JSON.stringify(credentials);
  if (hasKeyring(shell.env)) {
    await keyring(shell, ['store', '--label=Coffer: credentials of AWS'], subject, text);
    return;
  }
  try {
    makePrivateDirectory(join(shell.places.cache, 'sts'));
    writePrivateFile(fileOf(shell, subject), text);
  } catch {
    shell.ui.warn(`the credentials could not be kept in ${join(shell.places.cache, 'sts')}`);
  }
}

/** The Secret Service is reached by the session's bus; without one the program would only fail, slowly. */
function hasKeyring(env: Environment): boolean {
  return process.platform === 'linux' && variable(env, 'DBUS_SESSION_BUS_ADDRESS') !== undefined;
}

/** The secret goes by standard input: arguments are for all to see. */
async function keyring(
  shell: Shell,
  words: readonly string[],
  subject: string,
  input: string,
): Promise<string | undefined> {
  const env = Object.fromEntries(
    ['HOME', 'DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR', 'LANG', 'DISPLAY', 'WAYLAND_DISPLAY'].flatMap(
      (name) => {
        const value = variable(shell.env, name);
        return value === undefined ? [] : [[name, value]];
      },
    ),
  );
  const args = [...words, 'service', 'coffer-sts', 'subject', subject];
  const { askProgram } = await import('../run-child.ts');
  return askProgram({ command: 'secret-tool', args, env, searchPath: shell.env['PATH'] }, input);
}

function fileOf(shell: Shell, subject: string): string {
  return join(shell.places.cache, 'sts', `${subject}.json`);
}

function readFile(path: string): string | undefined {
  try {
    if (!isReadableByOthers(path)) return readFileSync(path, 'utf8');
    unlinkSync(path);
  } catch {
    // Absent, or as good as that.
  }
  return undefined;
}

function parse(text: string): Credentials | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value)) return undefined;
  const word = (name: string) => wordOf(value[name]);
  const { expiration, arn } = value;
  const [accessKeyId, secretAccessKey, sessionToken] = [
    word('accessKeyId'),
    word('secretAccessKey'),
    word('sessionToken'),
  ];
  if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined)
    return undefined;
  if (typeof expiration !== 'number') return undefined;
  return { accessKeyId, secretAccessKey, sessionToken, expiration, arn: wordOf(arn) };
}

function wordOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && /^[!-~]+$/.test(value) ? value : undefined;
}
