/** The KMS key of a server's home: found by its parameter or its alias, or made. However often it is begun anew, there is one. */
import { AwsError } from '../../aws/aws-error.ts';
import type { KmsKey } from '../../aws/kms.ts';
import { nameTag } from '../../config/aws-home.ts';
import { randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { type HomeRooms, settle } from './rooms.ts';
import { type Turn, Turns } from './turns.ts';

/** Milliseconds between two looks whether somebody else has made it. */
const betweenLooks = 1_000;
/** KMS shows a new key in its list some seconds later, at most; so many looks and so long between them. */
const searches = 5;
const betweenSearches = 2_000;

/** Answers its ARN. Throws `store_unusable` for one that is named and cannot be used, `unavailable` where a later start goes on. */
export async function findOrMakeKey(rooms: HomeRooms): Promise<string> {
  const { names, parameters, pause } = rooms;
  const turns = new Turns(rooms, randomUuid(rooms.random));
  for (;;) {
    const found = await parameters.below(names.folder);
    const known = found.get(names.keyParameter);
    if (known !== undefined) return requireNamed(rooms, known);
    const aliased = await described(rooms, names.alias);
    if (aliased !== undefined) return keep(rooms, aliased);
    const turn = await turns.take(found);
    if (turn !== undefined) return keep(rooms, await aliasOf(rooms, await make(rooms, turn)));
    await pause(betweenLooks);
  }
}

/** Undefined where there is no such key. */
export async function described({ kms }: Pick<HomeRooms, 'kms'>, key: string): Promise<KmsKey | undefined> {
  try {
    return await kms.describeKey(key);
  } catch (error) {
    if (error instanceof AwsError && error.reason === 'not-found') return undefined;
    throw error;
  }
}

/** A store may have been made for it: no other key takes its place. */
async function requireNamed(rooms: HomeRooms, arn: string): Promise<string> {
  const { keyParameter } = rooms.names;
  const key = /^arn:/.test(arn) ? await described(rooms, arn) : undefined;
  if (key === undefined) {
    throw new CofferError(
      'store_unusable',
      `the parameter ${keyParameter} names the KMS key ${arn.slice(0, 200)}, and there is none: is this the right account and region? ` +
        'Without that key a store made for it opens by its other slots only',
    );
  }
  const problem = problemOf(key);
  if (problem === undefined) return key.arn;
  throw new CofferError('store_unusable', `the KMS key ${key.arn}, which ${keyParameter} names, ${problem}`);
}

function problemOf({ state, usage, spec }: KmsKey): string | undefined {
  if (state !== 'Enabled') return `is in the state ${state}: enable it, or cancel its deletion`;
  if (usage === 'ENCRYPT_DECRYPT' && spec === 'SYMMETRIC_DEFAULT') return undefined;
  return `is of another kind (${usage}, ${spec}): a symmetric one for encryption is needed`;
}

/** Asks for a key, or finds the one that an earlier turn asked for. Answers its ARN. */
async function make(rooms: HomeRooms, turn: Turn): Promise<string> {
  const { names, keys, say } = rooms;
  // Only who comes after somebody else has anything to find.
  const found =
    turn.number === 1 ? undefined : await search(rooms).catch((error: unknown) => giveUp(turn, error));
  if (found !== undefined) return found;
  if (!turn.holds) throw unknown('AWS was too slow');
  say(`making the KMS key ${names.alias}`);
  try {
    return await keys.createKey({
      description: `Opens the store of the Coffer server ${names.name}. Without it that store is lost.`,
      tags: [{ TagKey: nameTag, TagValue: names.name }],
    });
  } catch (error) {
    if (error instanceof AwsError && surelyNot.has(error.reason)) return giveUp(turn, error);
    const made = await search(rooms);
    if (made !== undefined) return made;
    throw unknown(error instanceof Error ? error.message : 'no answer');
  }
}

/** No key came of this turn: who comes next need not wait for it. */
async function giveUp(turn: Turn, error: unknown): Promise<never> {
  await turn.giveUp().catch(() => undefined);
  throw error;
}

/** KMS has looked at the request, and refused it. */
const surelyNot: ReadonlySet<string> = new Set([
  'no-credentials',
  'bad-credentials',
  'no-region',
  'denied',
  'throttled',
  'clock',
  'invalid',
]);

function unknown(reason: string): CofferError {
  return new CofferError(
    'unavailable',
    `it is not known whether KMS made a key (${reason}): start again, which looks for it first and makes no second one`,
  );
}

/** The key with the name's tag, that a turn before asked for. Throws `conflict` where there are several. */
async function search({ names, keys, kms, pause }: HomeRooms): Promise<string | undefined> {
  for (let look = 0; look < searches; look++) {
    if (look > 0) await pause(betweenSearches);
    const tagged = await keys.keysTagged({ TagKey: nameTag, TagValue: names.name });
    const usable: string[] = [];
    for (const arn of tagged) if ((await kms.describeKey(arn)).state === 'Enabled') usable.push(arn);
    const [first, ...others] = usable;
    if (others.length > 0) {
      throw new CofferError(
        'conflict',
        `several KMS keys have the tag ${nameTag}=${names.name} (${usable.join(', ')}): give the alias ${names.alias} to the right one`,
      );
    }
    if (first !== undefined) return first;
  }
  return undefined;
}

/** The key that has the alias then. */
async function aliasOf(rooms: HomeRooms, arn: string): Promise<KmsKey> {
  const { names, keys, say } = rooms;
  const outcome = await keys.createAlias(names.alias, arn);
  const key = await shown(rooms, outcome === 'created' ? arn : names.alias);
  if (key.arn !== arn) say(`${names.alias} was given to ${key.arn} meanwhile: the key ${arn} is not needed`);
  return key;
}

/** What was made a moment ago KMS may show a moment later. */
async function shown(rooms: HomeRooms, key: string): Promise<KmsKey> {
  for (let look = 0; look < searches; look++) {
    const found = await described(rooms, key);
    if (found !== undefined) return found;
    await rooms.pause(betweenSearches);
  }
  throw new CofferError('unavailable', `KMS does not show ${key} yet, which is there: start again`);
}

/** Writes down which one it is. Answers its ARN. */
async function keep(rooms: HomeRooms, key: KmsKey): Promise<string> {
  const { names, keys, say } = rooms;
  const problem = problemOf(key);
  if (problem !== undefined) {
    throw new CofferError('store_unusable', `the KMS key ${key.arn}, which is ${names.alias}, ${problem}`);
  }
  await keys.enableRotation(key.arn).catch((error: unknown) => {
    // A key that somebody else made, and rotates as they like.
    if (!(error instanceof AwsError) || error.reason !== 'denied') throw error;
    say(`rotation of the KMS key ${key.arn} could not be turned on: ${error.message}`);
  });
  const standing = await settle(rooms, names.keyParameter, key.arn, 'KMS key that opens the store');
  return standing === key.arn ? standing : requireNamed(rooms, standing);
}
