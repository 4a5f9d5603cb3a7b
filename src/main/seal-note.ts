/**
 * A note beside the user's settings that a store without a keyfile was made: so that an empty place is known for the volume that is
 * not mounted, as a keyfile makes it known. It holds no secret, and nothing else reads it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject } from '../json.ts';

const ending = '.seal.json';
/** More than any note has; what is longer is none. */
const longest = 65_536;

export interface SealNote {
  readonly storeId: string;
  /** The data directory, absolute. */
  readonly data: string;
  /** Kinds of the slots that the store was made with. */
  readonly kinds: readonly string[];
}

export function sealNoteName(storeId: string): string {
  return `${storeId}${ending}`;
}

export function encodeSealNote({ storeId, data, kinds }: SealNote): string {
  return `${JSON.stringify({ format: 1, store: storeId, data, kinds })}\n`;
}

/** The note in a directory that names this place; undefined where there is none, also where the directory cannot be read. */
export function findSealNote(
  directory: string,
  data: string,
): (SealNote & { readonly path: string }) | undefined {
  for (const path of notesIn(directory)) {
    const note = readNote(path);
    if (note?.data === data) return { ...note, path };
  }
  return undefined;
}

function notesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(ending))
      .toSorted()
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}

function readNote(path: string): SealNote | undefined {
  try {
    const bytes = readFileSync(path);
    const value: unknown = bytes.length > longest ? undefined : JSON.parse(bytes.toString());
    if (!isJsonObject(value) || value['format'] !== 1) return undefined;
    const { store, data, kinds } = value;
    if (typeof store !== 'string' || typeof data !== 'string' || !Array.isArray(kinds)) return undefined;
    return { storeId: store, data, kinds: kinds.map(String) };
  } catch {
    return undefined;
  }
}
