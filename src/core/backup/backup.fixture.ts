/** Backups of in-process stores, for tests: taken as a client takes them, opened with the place's own keys. */
import { ask, type Place, rootToken } from '../../../test/fakes/client.ts';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { systemRandom } from '../../crypto/random.ts';
import type { CofferNode } from '../../main/node.ts';
import { shamirByHand } from '../../seal/shamir/manual.ts';
import type { AnswerStream } from '../request.ts';
import { type BackupReport, readBackup, type Unlock } from './read-backup.ts';

export async function bytesOf(stream: AnswerStream): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let piece = await stream.next(); piece !== undefined; piece = await stream.next()) pieces.push(piece);
  await stream.close();
  return Buffer.concat(pieces);
}

/** The stream of a snapshot that was answered. */
export async function askSnapshot(node: CofferNode, token: string = rootToken): Promise<AnswerStream> {
  const { status, errors, stream } = await ask(node, 'read', 'sys/storage/snapshot', {}, token);
  if (stream === undefined) throw new Error(`no snapshot: ${status} ${errors.join()}`);
  return stream;
}

export async function takeBackup(node: CofferNode): Promise<Buffer> {
  return bytesOf(await askSnapshot(node));
}

/** `bytes` in pieces of `size`. */
export async function* chunksOf(bytes: Buffer, size = 64 * 1024): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Opens with the unseal keys of a place. */
export function unlockWith({ keys }: Pick<Place, 'keys'>): Unlock {
  return async ({ header, slots }) => {
    const [slot] = slots;
    const collector = shamirByHand.collect(slot?.body ?? {}, { storeId: header.id, slotId: slot?.id ?? '' });
    const step = await collector.add(keys[0] ?? '');
    if (step.kind !== 'opened') throw new Error('one key opens the store of a test');
    return step.rootKey;
  };
}

export function verify(
  bytes: Buffer,
  place: Pick<Place, 'keys'> | undefined,
  size?: number,
): Promise<BackupReport> {
  const unlock = place === undefined ? undefined : unlockWith(place);
  return readBackup({ chunks: chunksOf(bytes, size), unlock, clock: new HandClock(), random: systemRandom });
}
