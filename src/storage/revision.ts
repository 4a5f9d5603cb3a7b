/**
 * Revisions of storages that draw them: 52 random bits, anew at each write. A writer needs to read nothing first, and a record
 * that is deleted and made again does not return to a revision somebody may still hold.
 */
import { randomFillSync } from 'node:crypto';
import type { Revision } from './storage.ts';

const revisionBytes = 8;
const highBits = 20;
const highMask = 2 ** highBits - 1;

/** Random bytes are drawn a few hundred revisions at a time: one system call for each would be the dearest part of a write. */
const pool = Buffer.alloc(4096);
let poolUsed = pool.length;

export function generateRevision(): Revision {
  if (poolUsed === pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  const high = pool.readUInt32BE(poolUsed) & highMask;
  const low = pool.readUInt32BE(poolUsed + 4);
  poolUsed += revisionBytes;
  return (high * 2 ** 32 + low) as Revision;
}
