/**
 * berry 1.0.28: two objects of a bucket, copied into a directory again and again. As it did, each file by itself; other than it did, a
 * file is on disk before its name changes, keeps the rights that somebody gave it, and no round ends well with a file that was not fetched.
 */
import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AwsError } from '../../aws/aws-error.ts';
import type { AwsOptions } from '../../aws/aws-options.ts';
import { type S3Reader, type S3ReaderPlace, s3Reader } from '../../aws/s3-reader.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { unwritable } from '../file-error.ts';
import type { Files, Rights } from '../files.ts';
import { readKeys } from './credentials-file.ts';
import { BerryMisuse } from './misuse.ts';

export interface BerryOrder {
  readonly application: string;
  readonly bucket: string;
  /** Must be there. */
  readonly directory: string;
  /** Where S3 is asked first; AWS's own variables come before. */
  readonly region: string | undefined;
  /** `-c`; the SDK's default chain unless told. */
  readonly credentialsFile: string | undefined;
  /** Milliseconds. */
  readonly interval: number;
  readonly once: boolean;
}

export type BerryLevel = 'INFO' | 'WARNING' | 'ERROR';

export interface BerryWorld {
  readonly env: AwsOptions['env'];
  readonly files: Files;
  /** Bits that the process takes from new files. */
  readonly umask: number;
  /** Root keeps the owner of a file. */
  readonly isRoot: boolean;
  say(level: BerryLevel, message: string): void;
  pause(milliseconds: number): Promise<void>;
  /** 0 to 1. */
  jitter(): number;
  /** S3's own unless told. */
  readonly openReader?: (options: AwsOptions, place: S3ReaderPlace) => S3Reader;
}

const names = ['user', 'client'] as const;
type Name = (typeof names)[number];

/** What was fetched last, for the next question. */
interface Known {
  readonly etag: string;
  readonly body: Buffer;
}

/** Bytes: far more than two credentials. */
const longest = 1024 * 1024;

/**
 * @returns 0 where `once` and both files are as the bucket has them, 1 where `once` and one is not. Without `once` it does not return.
 * @throws BerryMisuse for an unfit file of keys in the first round
 */
export async function runBerry(order: BerryOrder, world: BerryWorld): Promise<0 | 1> {
  const known = new Map<Name, Known>();
  for (let isFirst = true; ; isFirst = false) {
    const failed = await round(order, world, known).catch((error: unknown) => {
      if (isFirst || !(error instanceof BerryMisuse)) throw error;
      // Somebody may be writing the file just now.
      world.say('ERROR', `Usage Error: ${error.message}`);
      return names.length;
    });
    if (order.once) return failed === 0 ? 0 : 1;
    // Hosts that were started together do not stay together.
    await world.pause(order.interval * (1 - 0.1 * world.jitter()));
  }
}

/** @returns how many files are not as the bucket has them */
async function round(order: BerryOrder, world: BerryWorld, known: Map<Name, Known>): Promise<number> {
  // A new one each time: keys in files and environments of others change.
  const place = { bucket: order.bucket, most: longest };
  const reader = (world.openReader ?? s3Reader)(awsOptions(order, world), place);
  let failed = 0;
  try {
    for (const name of names) {
      try {
        const body = await fetchDocument(reader, order, name, known);
        if (store(order, world, name, body))
          world.say('INFO', `Rotated ${name} credentials for ${order.application}`);
      } catch (error) {
        failed += 1;
        world.say('ERROR', wordsOf(error, order, name));
      }
    }
  } finally {
    reader.close();
  }
  return failed;
}

function awsOptions(order: BerryOrder, { env, files }: BerryWorld): AwsOptions {
  const said = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'];
  const region = said || order.region === undefined ? {} : { region: order.region };
  if (order.credentialsFile === undefined) return { env, ...region };
  const keys = readKeys(files, order.credentialsFile, order.application);
  return {
    ...region,
    env: {
      ...env,
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      // It belongs to other keys.
      AWS_SESSION_TOKEN: undefined,
    },
  };
}

async function fetchDocument(
  reader: S3Reader,
  { application }: BerryOrder,
  name: Name,
  known: Map<Name, Known>,
): Promise<Buffer> {
  const before = known.get(name);
  const found = await reader.read(`${application}/${name}.json`, before?.etag);
  if (found.kind === 'unchanged' && before !== undefined) return before.body;
  if (found.kind === 'unchanged') throw new CofferError('unavailable', 'S3 answered without an object');
  const { body, etag } = found;
  if (parsed(body) === undefined) throw new CofferError('integrity', 'the object is not JSON in UTF-8');
  if (etag !== undefined) known.set(name, { etag, body });
  return body;
}

/** @returns whether the file was another one */
function store(order: BerryOrder, world: BerryWorld, name: Name, body: Buffer): boolean {
  const { files } = world;
  const path = join(order.directory, `${name}.json`);
  const beside = `${path}.tmp`;
  if (isDeepStrictEqual(parsed(body), parsed(readOrNothing(files, path)))) return false;
  try {
    if (files.look(beside) !== undefined) files.remove(beside);
    files.create(beside, body, rightsOf(world, path));
    files.rename(beside, path);
    files.sync(order.directory);
    return true;
  } catch (error) {
    removeQuietly(files, beside);
    throw unwritable(path, error);
  }
}

function rightsOf({ files, umask, isRoot }: BerryWorld, path: string): Rights {
  const there = files.look(path);
  if (there?.kind !== 'file') return { mode: 0o666 & ~umask, owner: undefined, group: undefined };
  const own = isRoot ? { owner: there.uid, group: there.gid } : { owner: undefined, group: undefined };
  return { mode: there.mode & 0o777, ...own };
}

/** JSON of any kind in a list, so that `null` is something; undefined for what is none. */
function parsed(bytes: Buffer | undefined): readonly unknown[] | undefined {
  if (bytes === undefined || !isUtf8(bytes)) return undefined;
  try {
    return [JSON.parse(bytes.toString('utf8'))];
  } catch {
    return undefined;
  }
}

function readOrNothing(files: Files, path: string): Buffer | undefined {
  try {
    return files.readNamed(path, longest);
  } catch {
    // What cannot be read is replaced.
    return undefined;
  }
}

function removeQuietly(files: Files, path: string): void {
  try {
    files.remove(path);
  } catch {
    // It was never made, or the error on its way says more.
  }
}

function wordsOf(error: unknown, { application, bucket }: BerryOrder, name: Name): string {
  const { message } = asCofferError(error);
  const reason = error instanceof AwsError ? error.reason : undefined;
  const key = `${application}/${name}.json`;
  if (reason === 'denied') {
    return `Access denied while trying to read "${key}" from mint S3 bucket "${bucket}". Check your IAM role/user policy to allow read access! (${message})`;
  }
  if (reason === 'not-found') {
    return `Credentials file "${key}" not found in mint S3 bucket "${bucket}". Mint either did not sync them yet or the mint configuration is wrong. (${message})`;
  }
  if (reason !== undefined) return `Could not read from mint S3 bucket "${bucket}": ${message}`;
  return `Failed to download ${name} credentials: ${message}`;
}
