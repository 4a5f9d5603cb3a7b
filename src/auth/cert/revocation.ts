/**
 * Revocation lists at rest. A list's serial numbers lie in buckets, so that a login reads one of them, however long the list is.
 * Buckets are written ahead under an id of their own, and the list's record names that id: a list is there whole or not at all.
 */
import { retryOnConflict } from '../../core/retry.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { sha256 } from '../../crypto/digest.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import type { ParsedCertificate } from '../../crypto/x509/certificate.ts';
import type { RevocationList } from '../../crypto/x509/revocation-list.ts';
import { CofferError } from '../../errors.ts';

interface ListRecord {
  readonly name: string;
  /** Under which its buckets lie. */
  readonly id: string;
  readonly issuer: string;
  readonly buckets: number;
}

/** Serial numbers in one bucket, on average. */
const bucketSize = 1_500;
/** Buckets written in one commit. */
const bucketsACommit = 3;
/** Milliseconds after which buckets that no list names any more are deleted: a login that reads them now ends before. */
const grace = 3_600_000;

export const listFolder = 'crl/';

function listPath(name: string): string {
  return listFolder + name;
}

function issuerDigest(issuer: Buffer): string {
  return sha256(issuer).toString('base64url');
}

function ofIssuer(digest: string, name = ''): string {
  return `crl-of/${digest}/${name}`;
}

function bucketFolder(id: string): string {
  return `crl-part/${id}/`;
}

function bucketPath(id: string, bucket: number): string {
  return bucketFolder(id) + String(bucket).padStart(4, '0');
}

function bucketOf(serial: string, buckets: number): number {
  return sha256(serial).readUInt32BE(0) % buckets;
}

async function readList(view: View, name: string) {
  const sealed = await view.read(listPath(name));
  if (sealed === undefined) return undefined;
  return { record: decodeStored<ListRecord>(sealed.open()), revision: sealed.revision };
}

/** Puts a list in the place of the one with that name. */
export async function writeList(
  view: View,
  random: Random,
  now: number,
  name: string,
  list: RevocationList,
): Promise<void> {
  const id = randomUuid(random);
  const buckets = inBuckets(list.serials);
  const sweep = { at: now + grace, name: `crl/${name}/${id}` };
  for (let at = 0; at < buckets.length; at += bucketsACommit) {
    const some = buckets.slice(at, at + bucketsACommit);
    const writes = some.map((serials, index) => ({
      path: bucketPath(id, at + index),
      value: Buffer.from(serials.join('\n')),
    }));
    await view.commit(writes, [], at === 0 ? [sweep] : []);
  }
  const record: ListRecord = { name, id, issuer: issuerDigest(list.issuer), buckets: buckets.length };
  await replaceList(view, now, name, record);
}

function inBuckets(serials: readonly string[]): readonly (readonly string[])[] {
  const buckets: string[][] = Array.from(
    { length: Math.max(1, Math.ceil(serials.length / bucketSize)) },
    () => [],
  );
  for (const serial of serials) buckets[bucketOf(serial, buckets.length)]?.push(serial);
  return buckets;
}

/** `after` is undefined where the list is deleted. What the one before left goes later. */
export async function replaceList(
  view: View,
  now: number,
  name: string,
  after: ListRecord | undefined,
): Promise<void> {
  await retryOnConflict(async () => {
    const read = await readList(view, name);
    const before = read?.record;
    if (before === undefined && after === undefined) return;
    const left =
      before !== undefined && before.issuer !== after?.issuer ? [ofIssuer(before.issuer, name)] : [];
    await view.commit(
      [
        { path: listPath(name), value: after === undefined ? null : encodeStored(after) },
        ...(after === undefined ? [] : [{ path: ofIssuer(after.issuer, name), value: marker }]),
        ...left.map((path) => ({ path, value: null })),
      ],
      [{ path: listPath(name), revision: read?.revision ?? null }],
      before === undefined ? [] : [{ at: now + grace, name: `crl/${name}/${before.id}` }],
    );
  });
}

const marker = Buffer.from('{}');

/** Deletes the buckets that a due entry names, unless they are those of a list. */
export async function sweepBuckets(view: View, due: string): Promise<void> {
  const [kind, name = '', id = ''] = due.split('/');
  if (kind !== 'crl' || id === '' || (await readList(view, name))?.record.id === id) return;
  for (;;) {
    const { items, next } = await view.children(bucketFolder(id), { limit: 40 });
    if (items.length > 0) {
      await view.commit(items.map((item) => ({ path: bucketFolder(id) + item, value: null })));
    }
    if (next === undefined) return;
  }
}

/** All serial numbers of a list, as decimal numbers; undefined where there is none. */
export async function serialsOf(view: View, name: string): Promise<readonly string[] | undefined> {
  const found = (await readList(view, name))?.record;
  if (found === undefined) return undefined;
  const paths = Array.from({ length: found.buckets }, (_, bucket) => bucketPath(found.id, bucket));
  const serials: string[] = [];
  for (const path of paths) serials.push(...(await readBucket(view, path)));
  return serials.map(decimal);
}

/** As Vault and OpenSSL write serial numbers for people. */
export function decimal(serial: string): string {
  return BigInt(`0x${serial}`).toString();
}

/** Lists of one issuer that a login looks at. */
const mostLists = 50;

/** Whether a list of its issuer names this certificate. Throws where that cannot be told. */
export async function isRevoked(view: View, { issuer, serial }: ParsedCertificate): Promise<boolean> {
  const folder = ofIssuer(issuerDigest(issuer));
  const { items, next } = await view.children(folder, { limit: mostLists });
  if (next !== undefined) {
    throw new CofferError('invalid_request', `more than ${mostLists} revocation lists are of one issuer`);
  }
  for (const name of items) {
    const found = (await readList(view, name))?.record;
    // Deleted this moment: what it said holds no more.
    if (found === undefined) continue;
    const serials = await readBucket(view, bucketPath(found.id, bucketOf(serial, found.buckets)));
    if (serials.includes(serial)) return true;
  }
  return false;
}

async function readBucket(view: View, path: string): Promise<readonly string[]> {
  const sealed = await view.read(path);
  if (sealed === undefined) throw new CofferError('integrity', 'part of a revocation list is missing');
  return sealed
    .open()
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
}
