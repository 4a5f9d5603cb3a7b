/** Readers of an application as they rest. */
import { everyItem } from '../../core/pages.ts';
import type { View } from '../../core/view.ts';
import { decodeReader, type Reader, readerFolder } from './reader.ts';

/** Of one application, at a time. */
export const mostReaders = 1_000;

/** Milliseconds without a word after which a reader is forgotten. */
export const readerMemory = 2 * 86_400_000;

export async function knownReaders(view: View, id: string): Promise<readonly Reader[]> {
  const readers: Reader[] = [];
  for await (const record of everyItem((page) => view.range(readerFolder(id), page))) {
    readers.push(decodeReader(record.open()));
  }
  return readers;
}
