/**
 * From a passphrase to a KEK: scrypt (RFC 7914). Its cost is chosen when a slot is made and rests in the slot. It is bounded on both
 * sides: a slot that somebody weakened is refused, and so is one that would take all memory.
 */
import { scrypt } from 'node:crypto';
import { CofferError } from '../../errors.ts';

const kekBytes = 32;
export const saltBytes = 16;

export interface ScryptCost {
  /** Base-2 logarithm of scrypt's N. */
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** 128 MiB, and some tenths of a second (OWASP's first choice for scrypt, 2024). */
export const defaultCost: ScryptCost = { logN: 17, r: 8, p: 1 };

const bounds = { logN: [15, 20], r: [8, 16], p: [1, 4] } as const;

/** Whether a slot with this cost is neither too cheap to guess nor too dear to open. */
export function isSoundCost({ logN, r, p }: ScryptCost): boolean {
  return isWithin(logN, bounds.logN) && isWithin(r, bounds.r) && isWithin(p, bounds.p);
}

function isWithin(value: number, [least, most]: readonly [number, number]): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

/**
 * Derivations that may wait for their turn, from everywhere and from one place: each takes memory and a core, and `sys/unseal` asks
 * nobody for a token. Whoever fills their own share leaves the others theirs.
 */
const mostWaiting = 16;
const mostWaitingFromOne = 4;
const waiting: string[] = [];
let last: Promise<unknown> = Promise.resolve();

/**
 * The KEK; the caller's, to zero. One derivation runs at a time in a process; `from` says who waits for it. Rejects with
 * `rate_limited` when too many wait, `unavailable` where the memory for it is not to be had.
 */
export async function deriveKek(
  passphrase: Buffer,
  salt: Buffer,
  cost: ScryptCost,
  from = '',
): Promise<Buffer> {
  const own = waiting.filter((each) => each === from).length;
  if (own >= mostWaitingFromOne || waiting.length >= mostWaiting) {
    throw new CofferError('rate_limited', 'too many passphrases are being tried at once; try again');
  }
  waiting.push(from);
  const turn = last.then(() => runScrypt(passphrase, salt, cost));
  last = turn.catch(() => undefined);
  try {
    return await turn;
  } finally {
    waiting.splice(waiting.indexOf(from), 1);
  }
}

function runScrypt(passphrase: Buffer, salt: Buffer, { logN, r, p }: ScryptCost): Promise<Buffer> {
  const N = 2 ** logN;
  // OpenSSL counts a little more than the 128·N·r bytes of the algorithm itself.
  const maxmem = 128 * r * (N + p + 2) + 1024 * 1024;
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, kekBytes, { N, r, p, maxmem }, (error, kek) => {
      if (error === null) resolve(kek);
      else reject(new CofferError('unavailable', 'the passphrase could not be tried', { cause: error }));
    });
  });
}
