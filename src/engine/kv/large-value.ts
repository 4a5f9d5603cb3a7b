/**
 * Values larger than one record. They are written as parts, which become visible by the one commit that names them; until then a
 * mark says that they are under way, and the duty clears away what a crash has left.
 */
import { parseStored } from '../../core/stored-json.ts';
import type { View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError, ConflictError } from '../../errors.ts';

/** Vault's own limit of a secret. */
const longestSecret = 1024 * 1024;
/** What fits one record beside its seal; larger values go in parts of this size. */
export const partBytes = 240 * 1024;
/** How long parts may lie about before they are taken for the rest of a crash, in milliseconds. */
const uploadTime = 3_600_000;

/** Where a large value lies. */
export interface Upload {
  /** A uuid. */
  readonly id: string;
  readonly parts: number;
}

/** Parts that were put aside, for the commit that takes them over. */
export interface Placed {
  readonly upload: Upload;
  /** The parts must still be there. */
  readonly expectations: readonly ViewExpectation[];
  /** They are no longer under way. */
  readonly writes: readonly ViewWrite[];
}

/** Undefined when the text fits one record. Throws `payload_too_large`. */
export async function placeLarge(
  view: View,
  random: Random,
  text: Buffer,
  now: number,
): Promise<Placed | undefined> {
  if (text.length > longestSecret) {
    throw new CofferError('payload_too_large', `a secret has at most ${longestSecret} bytes of JSON`);
  }
  if (text.length <= partBytes) return undefined;
  const upload = { id: randomUuid(random), parts: Math.ceil(text.length / partBytes) };
  const mark = uploadPath(upload.id);
  const value = Buffer.from(JSON.stringify({ parts: upload.parts }));
  const due = [{ at: now + uploadTime, name: mark }];
  const [revision = null] = await view.commit([{ path: mark, value }], [], due);
  for (const [part, path] of partPaths(upload).entries()) {
    await view.commit([{ path, value: text.subarray(part * partBytes, (part + 1) * partBytes) }]);
  }
  return { upload, expectations: [{ path: mark, revision }], writes: [{ path: mark, value: null }] };
}

/** What a commit that was to take parts over met: as it is, or `request_timeout` when they were cleared away before. */
export function takeOverError(error: unknown): unknown {
  const cleared = error instanceof ConflictError && error.key.startsWith(uploadFolder);
  return cleared ? new CofferError('request_timeout', 'writing took too long: send it again') : error;
}

/** Undefined when a part is missing. */
export async function readLarge(view: View, upload: Upload): Promise<string | undefined> {
  const parts = await view.readMany(partPaths(upload));
  const texts = parts.flatMap((part) => (part === undefined ? [] : [part.open()]));
  return texts.length === parts.length ? Buffer.concat(texts).toString('utf8') : undefined;
}

export function removeLarge(upload: Upload): ViewWrite[] {
  return partPaths(upload).map((path) => ({ path, value: null }));
}

/** Duty: parts that nothing took over are removed. */
export async function onUploadDue(view: View, name: string): Promise<void> {
  const record = await view.read(name);
  if (record === undefined) return;
  const { parts } = parseStored<{ parts: number }>(record.open());
  const id = name.slice(uploadFolder.length);
  await view.commit(
    [...removeLarge({ id, parts }), { path: name, value: null }],
    [{ path: name, revision: record.revision }],
  );
}

/** Names of due entries that `onUploadDue` is for begin with it. */
export const uploadFolder = 'upload/';

function uploadPath(id: string): string {
  return uploadFolder + id;
}

export function partPaths(upload: Upload): string[] {
  return Array.from({ length: upload.parts }, (_, part) => `part/${upload.id}/${part}`);
}
