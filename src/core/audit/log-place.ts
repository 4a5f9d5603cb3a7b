/** Where chains rest, as whoever reads them sees it: segments of files in a directory, or of records in the store. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { requirePrivateDirectory } from './disk.ts';
import { openSegmentFile } from './read-lines.ts';
import { isReserveName } from './reserve.ts';
import { parseChainDirectoryName, parseSegmentName, segmentName } from './segment.ts';

/** A segment opened for reading; a file's handle is one. */
export interface SegmentBytes {
  stat(): Promise<{ readonly size: number }>;
  /** May read less than asked for; nothing only at the end. */
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  close(): Promise<void>;
}

export interface Segments {
  /** Numbers, in order. */
  readonly segments: readonly number[];
  /** Names of what is no segment. */
  readonly others: readonly string[];
}

export interface LogPlace {
  /** Names of chains (see `chainDirectoryName`) in the order of their starts, and of what is no part of a log. */
  chains(): Promise<{ readonly chains: readonly string[]; readonly others: readonly string[] }>;
  /** Of a chain that is not there: rejects for files, none for the store. */
  segments(chain: string): Promise<Segments>;
  open(chain: string, segment: number): Promise<SegmentBytes>;
}

/** Throws `store_unusable` for a directory that the log may not use; its methods reject as the file system does. */
export function filePlace(directory: string): LogPlace {
  requirePrivateDirectory(directory);
  return {
    async chains() {
      const names = (await readdir(directory)).sort();
      const isChain = (name: string) => parseChainDirectoryName(name) !== undefined;
      const others = names.filter((name) => !isChain(name) && !isReserveName(name));
      return { chains: names.filter(isChain), others };
    },
    segments: async (chain) => sortSegments(await readdir(join(directory, chain)), parseSegmentName),
    open: (chain, segment) => openSegmentFile(join(directory, chain, segmentName(segment))),
  };
}

/** @param parse the number in a segment's name, undefined for what is none */
export function sortSegments(
  names: readonly string[],
  parse: (name: string) => number | undefined,
): Segments {
  const segments: number[] = [];
  const others: string[] = [];
  for (const name of names) {
    const segment = parse(name);
    if (segment === undefined) others.push(name);
    else segments.push(segment);
  }
  return { segments: segments.sort((a, b) => a - b), others };
}
