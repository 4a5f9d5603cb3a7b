/**
 * Coffer's own items, `algorithm` `coffer-1`: AES-256-GCM under a key derived for this item alone, with everything that says what
 * and where the item is as associated data.
 *
 *     name      S   version   S   19 digits          algorithm  S  coffer-1
 *     key       B   the data key, wrapped by KMS      contents   B  nonce (12), ciphertext, tag (16)
 *     created   N   milliseconds since 1970           shape      S  bare or map
 *     context_keys  SS  names of the caller's context; absent when there is none
 *     epoch     S   the id of the data key, where items share it
 *     comment   S   not encrypted; absent when there is none
 *
 * Place: `encodeContext('coffer credstash item 1', [name, version, shape, created, epoch or '', key, value, …, comment])`, with the
 * caller's encryption context in order of its keys, and the comment only where there is one: the number of parts tells. It is the info of HKDF-Expand (RFC 5869 §2.3), which derives the item's key from the data
 * key, and the associated data. So no two items share a key even where they share a data key, and an item that was copied to
 * another name or version, or whose description was changed, does not open.
 *
 * KMS is told the caller's context, `coffer:format`, and `coffer:name` (or `coffer:epoch` for a shared data key): a wrapped key
 * therefore serves no item of an old format and no other name, and a key policy can allow single names.
 */
import { createSecretKey } from 'node:crypto';
import { openAead, sealAead } from '../crypto/aead.ts';
import { encodeContext } from '../crypto/context.ts';
import { deriveKeyOnce, wipe } from '../crypto/hkdf.ts';
import type { Random } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import { contextKeys, type EncryptionContext, flatContext } from './encryption-context.ts';
import type { DataKey, ItemFormat, Opened, Sealing, Shape } from './format.ts';
import { bytesOf, type Item, label, malformed, optionalNumber, optionalText, textOf } from './item.ts';
import { encodeVersion, versionNumber } from './version.ts';

export const cofferAlgorithm = 'coffer-1';
const keyLength = 32;
const placeLabel = 'coffer credstash item 1';

export const cofferFormat: ItemFormat = {
  family: 'coffer',
  keyLength,
  wrappedKey: (item) => bytesOf(item, 'key'),
  contextFor: ({ name, epoch }, given) => ({
    ...given,
    'coffer:format': '1',
    ...(epoch === undefined ? { 'coffer:name': name } : { 'coffer:epoch': epoch }),
  }),
  opening,
  seal,
};

interface Place {
  readonly name: string;
  readonly version: number;
  readonly shape: Shape;
  readonly created: number;
  readonly epoch?: string | undefined;
  readonly comment?: string | undefined;
}

function opening(item: Item, context: EncryptionContext): (dataKey: Buffer) => Opened {
  const place = placeOf(item);
  const bound = bind(place, context);
  const contents = bytesOf(item, 'contents');
  return (dataKey) => ({ bytes: open(item, dataKey, { bound, contents }), shape: place.shape });
}

function open(
  item: Item,
  dataKey: Buffer,
  { bound, contents }: { readonly bound: Buffer; readonly contents: Buffer },
): Buffer {
  if (dataKey.length !== keyLength) throw malformed(item, 'key');
  const key = deriveKeyOnce(createSecretKey(dataKey), bound);
  try {
    return openAead(key, contents, bound);
  } catch (error) {
    throw new CofferError(
      'integrity',
      `${label(item)} does not open: it was changed, or it was written for another name, version or context`,
      { cause: error },
    );
  } finally {
    wipe(key);
  }
}

function seal(random: Random, { plaintext, wrapped }: DataKey, sealing: Sealing): Item {
  const version = versionNumber(sealing.version);
  if (version === undefined || plaintext.length !== keyLength) {
    throw new CofferError(
      'internal',
      'an item of this format has a number for a version and a key of 32 bytes',
    );
  }
  const bound = bind({ ...sealing, version }, sealing.context);
  const key = deriveKeyOnce(createSecretKey(plaintext), bound);
  try {
    const keys = contextKeys(sealing.context);
    return {
      name: { S: sealing.name },
      version: { S: encodeVersion(version) },
      algorithm: { S: cofferAlgorithm },
      key: { B: wrapped },
      contents: { B: sealAead(random, key, sealing.bytes, bound) },
      created: { N: String(sealing.created) },
      shape: { S: sealing.shape },
      ...(keys.length === 0 ? {} : { context_keys: { SS: [...keys] } }),
      ...(sealing.epoch === undefined ? {} : { epoch: { S: sealing.epoch } }),
      ...(sealing.comment === undefined || sealing.comment === '' ? {} : { comment: { S: sealing.comment } }),
    };
  } finally {
    wipe(key);
  }
}

/** Where an item says that it is. The version must be written in the one way: else the same item could be put beside itself. */
function placeOf(item: Item): Place {
  const text = textOf(item, 'version');
  const version = versionNumber(text);
  if (version === undefined || encodeVersion(version) !== text) throw malformed(item, 'version');
  const shape = textOf(item, 'shape');
  if (shape !== 'bare' && shape !== 'map') throw malformed(item, 'shape');
  const created = optionalNumber(item, 'created');
  if (created === undefined) throw malformed(item, 'created');
  const [epoch, comment] = [optionalText(item, 'epoch'), optionalText(item, 'comment')];
  return { name: textOf(item, 'name'), version, shape, created, epoch, comment };
}

function bind(
  { name, version, shape, created, epoch = '', comment = '' }: Place,
  context: EncryptionContext,
): Buffer {
  const note = comment === '' ? [] : [comment];
  const parts = [name, version, shape, created, epoch, ...flatContext(context), ...note];
  return encodeContext(placeLabel, parts, { passing: true });
}
