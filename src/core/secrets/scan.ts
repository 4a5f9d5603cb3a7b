/**
 * What a scan may show: names below folders that the caller could list or scan themselves, and none that a rule denies. An engine
 * answers all there is; what it answers goes through here, whichever engine it is.
 */
import type { JsonValue } from '../../json.ts';
import type { Mount } from '../mount/table.ts';
import type { ApiPath } from '../path.ts';
import type { Acl } from '../policy/acl.ts';
import { type AnswerData, RawJson } from '../request.ts';
import { isHidden } from './rights.ts';

export interface Scanned {
  readonly mount: Mount;
  /** The folder. */
  readonly path: ApiPath;
  /** The engine itself decides where no rule says anything: what it answers is the caller's to see there. */
  readonly ownDecision: boolean;
}

/** `keys` (and `key_info`, by key) are relative to the folder. */
export function shownOfScan(acl: Acl, scanned: Scanned, data: AnswerData): AnswerData {
  const { keys, key_info: info, ...rest } = data;
  if (!Array.isArray(keys)) return { ...rest, keys: [] };
  const shown = namesShown(acl, scanned, keys);
  if (info === undefined) return { ...data, keys: shown };
  const details = typeof info === 'object' && info !== null && !(info instanceof RawJson) ? info : {};
  const kept = shown.flatMap((key): [string, AnswerData[string]][] => {
    const detail = Object.hasOwn(details, key) ? (details as AnswerData)[key] : undefined;
    return detail === undefined ? [] : [[key, detail]];
  });
  return { ...data, keys: shown, key_info: Object.fromEntries(kept) };
}

function namesShown(acl: Acl, scanned: Scanned, keys: readonly JsonValue[]): readonly string[] {
  const { mount, path, ownDecision } = scanned;
  const folders = new Map<string, boolean>();
  const mayEnter = (folder: string): boolean => {
    let known = folders.get(folder);
    if (known === undefined) {
      known = mayShowFolder(acl, path + folder, ownDecision);
      folders.set(folder, known);
    }
    return known;
  };
  return keys.filter((key): key is string => {
    if (typeof key !== 'string') return false;
    for (let slash = key.indexOf('/'); slash >= 0; slash = key.indexOf('/', slash + 1)) {
      if (!mayEnter(key.slice(0, slash + 1))) return false;
    }
    return key.endsWith('/') || !isDenied(acl, mount, path + key);
  });
}

function mayShowFolder(acl: Acl, folder: string, ownDecision: boolean): boolean {
  const path = folder as ApiPath;
  return (['scan', 'list'] as const).some((operation) => {
    const decision = acl.decide({ path, operation, data: undefined, sudo: false });
    if (decision.kind === 'deny') return ownDecision && decision.reason === 'no-rule';
    return decision.kind === 'allow';
  });
}

/** By the path that the scan shows, and where the engine has several paths for a secret, by any of them. */
function isDenied(acl: Acl, mount: Mount, path: string): boolean {
  const decision = acl.decide({ path: path as ApiPath, operation: 'read', data: undefined, sudo: false });
  if (decision.kind === 'deny' && decision.reason === 'deny-rule') return true;
  const tree = mount.engine.secrets;
  const listed = tree === undefined ? '' : mount.entry.path + tree.listing('');
  if (tree === undefined || !path.startsWith(listed)) return false;
  return isHidden(acl, { mount, tree }, path.slice(listed.length));
}
