/** Readers: programs that fetch an application's credentials and say which version they hold. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { DocumentName } from '../../delivery/target.ts';

export interface Reader {
  /** As it calls itself: a host, a pod. Printable, at most 200 characters; a hash of it is its path. */
  readonly name: string;
  /** Versions of documents (`documentVersion`) that it holds and its application has been told of. */
  readonly holds: { readonly [N in DocumentName]?: string };
  /** Milliseconds. */
  readonly seenAt: number;
}

/** All readers of an application; `key` is a digest of the reader's name. */
export function readerFolder(application: string): string {
  return `reader/${application}/`;
}

export function encodeReader(reader: Reader): Buffer {
  return encodeStored(reader);
}

export function decodeReader(value: Buffer): Reader {
  return decodeStored<Reader>(value);
}
