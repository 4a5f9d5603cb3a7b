/**
 * `coffer apps import`: applications of mint become applications here, one after the other. What is there already is compared and left alone, so that the
 * same command goes on wherever it was cut off. An application's team comes last: from then on nobody but its members says where credentials go.
 */
import { asCofferError, CofferError, type ErrorCode, exitCodeOf } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { yesOption } from '../options.ts';
import { cellText } from '../print-data.ts';
import { readPrivateText } from '../private-text.ts';
import { openProgress } from '../progress.ts';
import { askHidden, isInteractive } from '../prompt.ts';
import { sameJson } from '../same-json.ts';
import { type Shell, variable } from '../shell.ts';
import { type Applications, commonAppsOptions, objects, openApplications, pathOf } from './applications.ts';
import {
  type OldApplication,
  OldService,
  type OldTeam,
  oldApplication,
  oldIds,
  oldTeam,
} from './old-mint.ts';

type Fate = 'imported' | 'would be imported' | 'unchanged' | 'differs' | 'left out' | 'failed';

interface Told {
  readonly id: string;
  readonly fate: Fate;
  /** What was not taken, or why nothing was. */
  readonly why: readonly string[];
  /** Of what failed. */
  readonly code?: ErrorCode;
}

export const importApplications = defineCommand({
  summary: 'Take over the applications of mint',
  details: [
    'Reads mint-storage, and with --kio who owns each application; changes nothing there. Buckets of Google (gs://) are told and not taken. ' +
      'While the mount rotates, credentials would be delivered beside mint’s: so it has to be paused, or --start given.',
    'The token for both is in --mint-token-file or COFFER_MINT_TOKEN, or asked for.',
  ],
  operands: {},
  options: {
    'mint-storage': { type: 'text', value: 'URL', help: 'mint-storage; needed' },
    kio: { type: 'text', value: 'URL', help: 'Kio, for teams, names and who is active' },
    'mint-token-file': { type: 'text', value: 'FILE', help: 'Bearer token: the first line of FILE or -' },
    'kio-token-file': { type: 'text', value: 'FILE', help: 'another one for Kio' },
    'dry-run': { type: 'flag', help: 'say what would be taken, and change nothing' },
    start: { type: 'flag', help: 'also where the mount is not paused: deliver at once' },
    ...yesOption,
    ...commonAppsOptions,
  },
  examples: ['coffer apps import --mint-storage URL --kio URL --dry-run'],
  async run({ options }, shell) {
    const url = options['mint-storage'];
    if (url === undefined) throw usageError('apps import', '--mint-storage is missing');
    const token = await oldToken(shell, options['mint-token-file']);
    const storage = new OldService(url, token, 'mint-storage');
    const kioFile = options['kio-token-file'];
    const kioToken = kioFile === undefined ? token : await readPrivateText(shell, kioFile);
    const kio = options.kio === undefined ? undefined : new OldService(options.kio, kioToken, 'kio');
    const applications = await openApplications(shell, options);
    await checkMount(applications, options.start || options['dry-run']);
    const ids = await oldIds(storage);
    if (!options['dry-run']) {
      const question = `take over ${ids.length} applications into ${applications.mount}?`;
      await confirmed(shell, options.yes, question, 'this registers applications');
    }
    const told = await importAll(shell, ids, (id) =>
      importOne({ storage, kio, applications, dryRun: options['dry-run'] }, id),
    );
    report(shell, told);
  },
});

async function oldToken(shell: Shell, file: string | undefined): Promise<string> {
  if (file !== undefined) return readPrivateText(shell, file);
  const set = variable(shell.env, 'COFFER_MINT_TOKEN');
  if (set !== undefined) return set;
  if (isInteractive(shell)) return askHidden(shell, 'token for mint-storage');
  throw usageError('apps import', 'no token: --mint-token-file, or COFFER_MINT_TOKEN');
}

async function checkMount(applications: Applications, starts: boolean): Promise<void> {
  const { registry, paused } = await applications.read('config');
  if (registry !== 'own') {
    throw new CofferError(
      'conflict',
      `${applications.mount} follows a registry: take mint’s applications over first, with registry=own, and have it follow Kio afterwards`,
    );
  }
  if (paused !== true && !starts) {
    throw new CofferError(
      'conflict',
      `${applications.mount} is not paused: it would deliver beside mint. Say \`coffer api POST ${applications.mount}/config paused=true\` first, or --start`,
    );
  }
}

async function importAll(
  shell: Shell,
  ids: readonly string[],
  one: (id: string) => Promise<Told>,
): Promise<readonly Told[]> {
  const progress = openProgress(shell);
  const told: Told[] = [];
  try {
    for (const [index, id] of ids.entries()) {
      progress.show(index, ids.length);
      told.push(await one(id));
    }
  } finally {
    progress.close();
  }
  return told;
}

interface Way {
  readonly storage: OldService;
  readonly kio: OldService | undefined;
  readonly applications: Applications;
  readonly dryRun: boolean;
}

/** What goes wrong with one keeps no other from being taken; but a service that is away, or refuses, ends it all. */
async function importOne(way: Way, id: string): Promise<Told> {
  try {
    pathOf(id);
  } catch {
    return { id, fate: 'left out', why: ['its id is none that an application can have here'] };
  }
  const old = await oldApplication(way.storage, id);
  if (old === undefined) return { id, fate: 'left out', why: ['it is gone meanwhile'] };
  const team = await (way.kio === undefined ? undefined : oldTeam(way.kio, id));
  if (way.kio !== undefined && team === undefined)
    return { id, fate: 'left out', why: ['Kio does not know it'] };
  const why = notTaken(old);
  try {
    return await take(way, old, team, why);
  } catch (error) {
    const { code, message } = asCofferError(error);
    return { id, fate: 'failed', why: [...why, message], code };
  }
}

/** Kio's and mint's buckets are of S3 unless they say otherwise. */
function isTaken(bucket: string): boolean {
  return !bucket.startsWith('gs://');
}

function notTaken({ buckets }: OldApplication): readonly string[] {
  return buckets
    .filter((bucket) => !isTaken(bucket))
    .map((bucket) => `${bucket} is not taken: no kind of target writes there`);
}

async function take(
  { applications, dryRun }: Way,
  old: OldApplication,
  team: OldTeam | undefined,
  notes: readonly string[],
): Promise<Told> {
  const { id } = old;
  const current = await existing(applications, id);
  if (current !== undefined) {
    const differing = differences(current, old, team);
    // One that was cut off before its team was set is gone on with.
    const isBegun = team !== undefined && cellText(current['team']) === '';
    if (!isBegun) {
      if (differing.length === 0) return { id, fate: 'unchanged', why: notes };
      return {
        id,
        fate: 'differs',
        why: [...notes, `it is there already, with another ${differing.join(', ')}`],
      };
    }
  }
  if (dryRun) return { id, fate: 'would be imported', why: notes };
  if (current === undefined) await applications.writeOf(id, undefined, registrationOf(team));
  await applications.writeOf(id, 'delivery', deliveryOf(old));
  if (team !== undefined) await applications.writeOf(id, undefined, { team: team.team });
  const { username } = await applications.readOf(id);
  const renamed =
    old.username !== '' && username !== old.username
      ? [`its user is ${cellText(username)} here, and was ${old.username}: see username_prefix`]
      : [];
  return { id, fate: 'imported', why: [...notes, ...renamed] };
}

async function existing(applications: Applications, id: string): Promise<JsonObject | undefined> {
  try {
    const registered = await applications.readOf(id);
    const { targets } = await applications.readOf(id, 'status');
    const wanted = objects(targets).filter((target) => target['wanted'] === true);
    return { ...registered, targets: wanted.map(({ address }) => cellText(address)).sort() };
  } catch (error) {
    if (asCofferError(error).code === 'not_found') return undefined;
    throw error;
  }
}

function registrationOf(team: OldTeam | undefined): JsonObject {
  return team === undefined ? {} : { name: team.name, subtitle: team.subtitle, active: team.active };
}

function deliveryOf({ confidential, redirectUrl, buckets, clusters, scopes }: OldApplication): JsonObject {
  return {
    confidential,
    ...(redirectUrl === null ? {} : { redirect_url: redirectUrl }),
    targets: buckets.filter(isTaken),
    kubernetes_clusters: [...clusters],
    scopes: [...scopes],
  };
}

/** Names of what is otherwise here than there. */
function differences(current: JsonObject, old: OldApplication, team: OldTeam | undefined): readonly string[] {
  const buckets = old.buckets.filter(isTaken).sort();
  const known = (current['targets'] as readonly string[]).map((address) =>
    address.replace(/^s3:\/\/([^/?]+)$/, '$1'),
  );
  const sortedScopes = (list: readonly JsonObject[]) =>
    list.map(({ resource_type_id: type, scope_id: scope }) => `${cellText(type)}.${cellText(scope)}`).sort();
  const pairs = [
    ['delivery', known.sort(), buckets],
    ['client', current['confidential'] ?? null, old.confidential],
    ['redirect_url', current['redirect_url'] ?? null, old.redirectUrl],
    ['scopes', sortedScopes(objects(current['scopes'])), sortedScopes(old.scopes)],
    ...(team === undefined ? [] : [['team', current['team'] ?? '', team.team] as const]),
  ] as const;
  return pairs.filter(([, here, there]) => !sameJson(here, there)).map(([name]) => name);
}

function report(shell: Shell, told: readonly Told[]): void {
  const count = (fate: Fate) => told.filter((each) => each.fate === fate).length;
  shell.ui.table(
    ['ID', 'WHAT', 'WHY'],
    told.map(({ id, fate, why }) => [id, fate, why.join('; ')]),
    told.map(({ id, fate, why }) => ({ id, fate, why: [...why] })),
  );
  const fates = [...new Set(told.map(({ fate }) => fate))];
  shell.ui.talk(
    fates.map((fate) => `${count(fate)} ${fate}`).join(', ') || 'mint-storage has no applications',
  );
  const failed = told.find(({ code }) => code !== undefined)?.code;
  const other = told.some(({ fate }) => fate === 'differs' || fate === 'left out');
  if (failed !== undefined) shell.endWith(exitCodeOf(failed));
  else if (other) shell.endWith(exitCodeOf('conflict'));
}
