/** Kio's list of applications (`GET /apps`): asked for within bounds, and read with distrust. */
import { createHash } from 'node:crypto';
import { CofferError } from '../../../errors.ts';
import { isJsonObject, type JsonValue } from '../../../json.ts';
import type { Outgoing } from '../../../outgoing/https.ts';
import { applicationId } from '../application.ts';
import { parseTeam } from '../application-fields.ts';
import type { MountSettings } from '../mount-config.ts';
import type { Skipped } from './registry-state.ts';

/** Bytes of a list. */
const longestList = 16 * 1024 * 1024;
const mostEntries = 50_000;
const mostSkippedShown = 20;
const longestTitle = 256;

export interface Registered {
  readonly team: string;
  readonly name: string;
  readonly subtitle: string;
}

export interface RegistryList {
  /** Active ones by id. */
  readonly active: ReadonlyMap<string, Registered>;
  /** Ids of which nothing can be said for sure: they are left as they are. */
  readonly unclear: ReadonlySet<string>;
  /** The first of what was left out, and how many. */
  readonly skipped: readonly Skipped[];
  readonly skippedCount: number;
  /** It names nothing at all. */
  readonly isEmpty: boolean;
}

export interface RegistryAnswer {
  /** Of the bytes. */
  readonly digest: string;
  readonly body: Buffer;
}

/** Throws `unavailable` or `permission_denied`; no message repeats what was sent. */
export async function askKio(
  outgoing: Outgoing,
  { registryUrl, registryToken }: MountSettings,
  signal: AbortSignal,
): Promise<RegistryAnswer> {
  const { status, body } = await outgoing({
    url: `${registryUrl.replace(/\/+$/, '')}/apps`,
    headers: registryToken === '' ? {} : { Authorization: `Bearer ${registryToken}` },
    longest: longestList,
    signal,
  });
  if (status === 401 || status === 403) {
    throw new CofferError('permission_denied', `the registry refuses registry_token (status ${status})`);
  }
  if (status !== 200) throw new CofferError('unavailable', `the registry answered with status ${status}`);
  return { body, digest: createHash('sha256').update(body).digest('base64url') };
}

/** Kio answers an empty table with no body at all. Throws `unavailable` for what is no list. */
export function parseList(body: Buffer): RegistryList {
  const entries = listOf(body);
  const active = new Map<string, Registered>();
  const seen = new Map<string, string>();
  const unclear = new Set<string>();
  const skipped: Skipped[] = [];
  let skippedCount = 0;
  const skip = (id: string, reason: string) => {
    skippedCount += 1;
    if (skipped.length < mostSkippedShown) skipped.push({ id: showable(id), reason });
  };
  for (const entry of entries) {
    const id = isJsonObject(entry) && typeof entry['id'] === 'string' ? entry['id'] : undefined;
    if (id === undefined) skip('', 'has no id');
    else if (!applicationId.test(id)) skip(id, 'has an id that no application can have');
    else {
      const read = readEntry(entry);
      const text = JSON.stringify(read);
      if (seen.has(id) && seen.get(id) !== text) {
        if (!unclear.has(id)) skip(id, 'is listed twice, and not alike');
        unclear.add(id);
      } else if (read === undefined) {
        if (!unclear.has(id))
          skip(id, 'has a team_id, name, subtitle or active that is of another type, or too long');
        unclear.add(id);
      } else if (read.active) active.set(id, read.registered);
      seen.set(id, text);
    }
  }
  for (const id of unclear) active.delete(id);
  return { active, unclear, skipped, skippedCount, isEmpty: entries.length === 0 };
}

function listOf(body: Buffer): readonly JsonValue[] {
  const text = body.toString('utf8').trim();
  if (text === '') return [];
  const parsed = parseJson(text);
  if (!Array.isArray(parsed)) {
    throw new CofferError(
      'unavailable',
      'the registry answered with something else than a list of applications in JSON',
    );
  }
  if (parsed.length > mostEntries) {
    throw new CofferError('unavailable', `the registry lists more than ${mostEntries} applications`);
  }
  return parsed as readonly JsonValue[];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the parser's error as its cause: that quotes what was sent.
    return undefined;
  }
}

interface Entry {
  readonly active: boolean;
  readonly registered: Registered;
}

/** Undefined where it is not what Kio says of an application. */
function readEntry(entry: JsonValue): Entry | undefined {
  if (!isJsonObject(entry)) return undefined;
  const { active, team_id: team, name, subtitle = null } = entry;
  if (typeof active !== 'boolean' || typeof name !== 'string') return undefined;
  if (typeof team !== 'string' || team === '' || !isTeam(team)) return undefined;
  if (subtitle !== null && typeof subtitle !== 'string') return undefined;
  return { active, registered: { team, name: tidied(name), subtitle: tidied(subtitle ?? '') } };
}

function isTeam(text: string): boolean {
  try {
    return parseTeam(text) === text;
  } catch {
    return false;
  }
}

/** What people read is cut to what is taken here, and never a reason to leave an application out. */
function tidied(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .slice(0, longestTitle)
    .toWellFormed();
}

function showable(id: string): string {
  return id
    .toWellFormed()
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 80);
}
