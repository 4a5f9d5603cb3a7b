/** Where a name of `kv` lies: its mount, and whether that has versions. */
import { isJsonObject, type JsonObject } from '../../json.ts';
import { misuse } from './failure.ts';
import type { FlagSpecs, Flags } from './flags.ts';
import { dataOf, secretOf } from './secret.ts';
import { sanitized, type VerbCall } from './verb.ts';

export const mountFlag = {
  mount: { type: 'text', help: 'the mount; then PATH is below it' },
} as const satisfies FlagSpecs;

export type KvRoom = 'data' | 'metadata' | 'delete' | 'undelete' | 'destroy';

export interface KvPlace {
  readonly versioned: boolean;
  /** The mount, with `/` at its end. */
  readonly mount: string;
  /** The path as it was given. */
  readonly plain: string;
  /** The path in one of the rooms of a mount with versions. */
  at(room: KvRoom): string;
}

/** Throws `VaultFailure` where the caller may see nothing there. */
export async function kvPath(
  { session, flags }: Pick<VerbCall, 'session' | 'flags'>,
  name: string,
): Promise<KvPlace> {
  const given = flags.text('mount');
  const plain = given === undefined ? sanitized(name) : sanitized(`${sanitized(given)}/${sanitized(name)}`);
  const answer = await session.look(
    'making preflight request',
    'GET',
    `sys/internal/ui/mounts/${given === undefined ? plain : sanitized(given)}`,
    // The mount is looked up, whatever is wrapped.
    { wrapTtl: '0' },
  );
  const found = dataOf(secretOf(answer?.body));
  const mount = mountOf(found, given, plain);
  const options: JsonObject = isJsonObject(found['options']) ? found['options'] : {};
  const below = plain.startsWith(mount) ? plain.slice(mount.length) : '';
  return {
    versioned: options['version'] === '2',
    mount,
    plain,
    at: (room) => `${mount}${room}${below === '' ? '' : '/'}${below}`,
  };
}

/** Servers that do not tell are older than mounts with versions. */
function mountOf(found: JsonObject, given: string | undefined, plain: string): string {
  const path = found['path'];
  if (typeof path === 'string') return path;
  return `${given === undefined ? (plain.split('/')[0] ?? '') : sanitized(given)}/`;
}

export function refuseUnversioned({ versioned, mount }: KvPlace): void {
  if (!versioned) throw misuse(`This command is for kv with versions, and ${mount} has none`);
}

/** Of `-versions=1,2 -versions=3`. */
export function versionsOf(flags: Flags): readonly number[] {
  const texts = flags.list('versions').flatMap((each) => each.split(','));
  if (texts.some((text) => !/^\s*[1-9]\d{0,14}\s*$/.test(text))) {
    throw misuse('-versions must be whole numbers, with commas between them');
  }
  return texts.map(Number);
}
