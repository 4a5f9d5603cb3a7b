/** Reads a segment line by line in constant memory. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CofferError } from '../../errors.ts';
import { longestLine } from './line.ts';
import type { SegmentBytes } from './log-place.ts';

export interface FileLine {
  /** Without the newline. A line longer than any that is written is cut to that length. */
  readonly bytes: Buffer;
  /** Where it begins in the file, and where the next one does. */
  readonly offset: number;
  readonly end: number;
  /** Counted from 1 at the place where reading began. */
  readonly number: number;
  /** It ends in a newline. */
  readonly whole: boolean;
}

const chunkBytes = 1024 * 1024;
const newline = 0x0a;

/** Opens a segment for reading. Rejects if it is a link or not a file. */
export async function openSegmentFile(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stat = await file.stat();
  if (stat.isFile()) return file;
  await file.close();
  throw new CofferError('integrity', `${path} is not a file`);
}

/** The lines between two offsets, in batches. Their bytes are valid until the next batch is asked for. */
export async function* lineBatches(
  file: Pick<SegmentBytes, 'read'>,
  from: number,
  to: number,
): AsyncGenerator<readonly FileLine[]> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  const splitter = new LineSplitter(from);
  let offset = from;
  while (offset < to) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(chunkBytes, to - offset), offset);
    if (bytesRead === 0) break;
    offset += bytesRead;
    const lines = splitter.split(buffer.subarray(0, bytesRead));
    if (lines.length > 0) yield lines;
  }
  const rest = splitter.rest();
  if (rest) yield [rest];
}

class LineSplitter {
  private begin: number;
  private number = 0;
  /** The beginning of a line that goes on in the next chunk, and its length in the file, which may be more than we keep. */
  private carried: Buffer[] = [];
  private carriedLength = 0;

  constructor(begin: number) {
    this.begin = begin;
  }

  split(chunk: Buffer): FileLine[] {
    const lines: FileLine[] = [];
    let start = 0;
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, start)) {
      lines.push(this.line(chunk.subarray(start, at), true));
      start = at + 1;
    }
    if (start < chunk.length) this.carry(chunk.subarray(start));
    return lines;
  }

  rest(): FileLine | undefined {
    return this.carriedLength > 0 ? this.line(Buffer.alloc(0), false) : undefined;
  }

  private line(last: Buffer, whole: boolean): FileLine {
    const length = this.carriedLength + last.length;
    const bytes = this.carried.length > 0 ? Buffer.concat([...this.carried, last]) : last;
    const offset = this.begin;
    this.begin += length + (whole ? 1 : 0);
    this.carried = [];
    this.carriedLength = 0;
    this.number += 1;
    return { bytes: bytes.subarray(0, longestLine), offset, end: this.begin, number: this.number, whole };
  }

  private carry(piece: Buffer): void {
    const room = longestLine - this.carriedLength;
    if (room > 0) this.carried.push(Buffer.from(piece.subarray(0, room)));
    this.carriedLength += piece.length;
  }
}
