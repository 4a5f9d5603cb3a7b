/** `coffer server --aws`: settings that AWS answers for, in place of those that a person would write. */
import type { Shell } from '../../cli/shell.ts';
import { systemClock } from '../../clock.ts';
import { homeNames, usualName } from '../../config/aws-home.ts';
import type { Loaded } from '../../config/load.ts';
import { systemRandom } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { deviceDirectoryOf } from '../program-facts.ts';
import { distinguishedRoles } from './founding.ts';
import type { HomeWish } from './home.ts';

export const homeOptions = {
  aws: { type: 'flag', help: 'find or make the store, its KMS key and its configuration at AWS' },
  name: { type: 'text', value: 'NAME', help: 'of what --aws finds or makes (server)' },
  distinguished: {
    type: 'list',
    value: 'ROLE',
    help: 'with --aws: IAM role that administers a new store, besides dssssadmin',
  },
  'dry-run': { type: 'flag', help: 'with --aws: say what is there and what would be made, and stop' },
} as const;

/** The options of the command line that this is about. */
export interface HomeWords {
  readonly aws?: boolean;
  readonly name?: string | undefined;
  readonly distinguished?: readonly string[];
  /** Has distinguished roles as well. */
  readonly dssss?: string | undefined;
  readonly 'dry-run'?: boolean;
  readonly dev?: boolean;
  readonly init?: boolean;
  readonly 'init-by-api'?: boolean;
  readonly 'root-token-file'?: string | undefined;
}

/** Throws `usage` for words that do not go together. */
export function refuseHomeWords(given: HomeWords, { settings }: Pick<Loaded, 'settings'>): void {
  if (given.aws !== true) {
    const idle = given.dssss === undefined && (given.distinguished ?? []).length > 0;
    if (idle) throw new CofferError('usage', '--distinguished goes with --aws or --dssss');
    if (given.name === undefined && given['dry-run'] !== true) return;
    throw new CofferError('usage', '--name and --dry-run go with --aws');
  }
  const others = [given.dev, given.init, given['init-by-api'], given['root-token-file'] !== undefined];
  if (others.includes(true) || settings.seals.length > 0 || settings.keyfile !== undefined) {
    throw new CofferError(
      'usage',
      '--aws finds or makes the store and its key, and makes no root token: it goes without --dev, --init, --seal, --keyfile and --root-token-file',
    );
  }
}

export function homeWish(given: HomeWords, { settings }: Pick<Loaded, 'settings'>, shell: Shell): HomeWish {
  return {
    names: homeNames(given.name ?? usualName),
    storage: settings.storage,
    distinguished: distinguishedRoles(given.distinguished ?? []),
    env: shell.env,
    clock: systemClock,
    random: systemRandom,
    pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    say: (text) => shell.ui.talk(text),
  };
}

/**
 * What turns settings as they are read into those of the home, the same ones at each reload; nothing without --aws. Finds or makes
 * the home first.
 *
 * @param data the data directory, absolute
 */
export async function homeSettings(
  given: HomeWords,
  loaded: Loaded,
  shell: Shell,
  data: string,
): Promise<(loaded: Loaded) => Loaded> {
  if (given.aws !== true) return (same) => same;
  const { findOrMakeHome } = await import('./home.ts');
  const wish = homeWish(given, loaded, shell);
  const { storage, seal, storeId, isNew } = await findOrMakeHome(wish);
  const { mkdir } = await import('node:fs/promises');
  // Where files of audit devices go, unless others are configured.
  await mkdir(deviceDirectoryOf(data), { mode: 0o700, recursive: true });
  if (isNew) shell.ui.talk(welcome(storeId, seal, wish));
  else if ((given.distinguished ?? []).length > 0) shell.ui.talk(distinguishedNote);
  return (fresh) => ({ ...fresh, settings: { ...fresh.settings, storage, seals: [seal] } });
}

/** What is in the store is for those who administer it. */
const distinguishedNote =
  '--distinguished is for a new store, and this one is there: who administers it is in its auth method aws/ and in secret/config';

function welcome(storeId: string, seal: string, { distinguished, names }: HomeWish): string {
  const { serverId } = names;
  const server = names.name === usualName ? '' : ` --server-id ${serverId}`;
  return `A new store has been made (${storeId}). ${seal} opens it, and nothing else: add another way with
\`coffer operator slots add\`. No root token was made: it is administered by whoever is, in the account of this server,
the IAM role ${distinguished.join(' or ')} (\`coffer login aws${server}\`), and by a root token that whoever may use that key
makes on a host of the store (\`coffer operator generate-root\`).`;
}
