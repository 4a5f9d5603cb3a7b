/** Ids of applications that a registry lost, while they wait for a person's word: in pieces, since a record is bounded and a fleet is not. */
import { createHash } from 'node:crypto';
import { decodeStored, encodeStored } from '../../../core/stored-json.ts';
import type { View } from '../../../core/view.ts';
import type { Held } from './registry-state.ts';

const idsInPiece = 1_000;
/** Pieces in one commit: their bytes are bounded, too. */
const piecesAtOnce = 4;

function piecePath(generation: number, piece: number): string {
  return `registry/held/${generation}/${String(piece).padStart(4, '0')}`;
}

export function digestOf(ids: readonly string[]): string {
  return createHash('sha256').update(ids.join('\n')).digest('base64url');
}

/** Writes the ids. They count once a registry's state names their generation, which is to be one that none before had. */
export async function writeHeldIds(view: View, generation: number, ids: readonly string[]): Promise<number> {
  const pieces = Math.ceil(ids.length / idsInPiece);
  for (let from = 0; from < pieces; from += piecesAtOnce) {
    const numbers = Array.from({ length: Math.min(piecesAtOnce, pieces - from) }, (_, at) => from + at);
    const writes = numbers.map((piece) => ({
      path: piecePath(generation, piece),
      value: encodeStored({ ids: ids.slice(piece * idsInPiece, (piece + 1) * idsInPiece) }),
    }));
    await view.commit(writes);
  }
  return pieces;
}

/** @param most pieces to read */
export async function readHeldIds(
  view: View,
  { generation, pieces }: Held,
  most = pieces,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let piece = 0; piece < Math.min(most, pieces); piece++) {
    const record = await view.read(piecePath(generation, piece));
    if (record !== undefined) {
      ids.push(...decodeStored<{ readonly ids: readonly string[] }>(record.open()).ids);
    }
  }
  return ids;
}

export async function removeHeldIds(view: View, { generation, pieces }: Held): Promise<void> {
  for (let from = 0; from < pieces; from += 40) {
    const numbers = Array.from({ length: Math.min(40, pieces - from) }, (_, at) => from + at);
    await view.commit(numbers.map((piece) => ({ path: piecePath(generation, piece), value: null })));
  }
}
