/**
 * Follows a log as it is written, across segments and chains. Whether the lines are what was written is `verifyAudit`'s to say.
 * A line that is still being written waits for its end; one that never got it, because its process died, is passed over.
 */
import type { JsonObject } from '../../json.ts';
import { parseLine } from './line.ts';
import type { LogPlace } from './log-place.ts';
import { lineBatches } from './read-lines.ts';

export interface FollowedLine {
  readonly content: JsonObject;
  /** As it stands in the log. */
  readonly text: string;
}

/** Where reading of a chain stands. */
interface Place {
  segment: number;
  offset: number;
}

/** Bytes at the end of each chain that `recent` looks at. */
const recentBytes = 1024 * 1024;

export class LogFollower {
  readonly #place: LogPlace;
  readonly #places = new Map<string, Place>();
  /** Lines that are none; their place is told by `audit verify`. */
  unreadable = 0;

  constructor(place: LogPlace) {
    this.#place = place;
  }

  /** The end of every chain, in the order of times. To be asked first: `next` goes on from there. */
  async recent(): Promise<readonly FollowedLine[]> {
    const lines: FollowedLine[] = [];
    for (const chain of await this.#chains()) {
      const { segments } = await this.#place.segments(chain);
      const last = segments.at(-1);
      if (last === undefined) continue;
      const size = await this.#sizeOf(chain, last);
      const from = Math.max(0, size - recentBytes);
      const place: Place = { segment: last, offset: from };
      lines.push(...(await this.#read(chain, place, segments)));
      this.#places.set(chain, place);
    }
    // Reading began in the middle of a line, which is none.
    this.unreadable = 0;
    return lines.toSorted((one, other) => compareTimes(one.content, other.content));
  }

  /** What was written since, chain by chain. */
  async next(): Promise<readonly FollowedLine[]> {
    const lines: FollowedLine[] = [];
    for (const chain of await this.#chains()) {
      const { segments } = await this.#place.segments(chain).catch(unlessGone);
      const [first] = segments;
      if (first === undefined) continue;
      const place = this.#places.get(chain) ?? { segment: first, offset: 0 };
      this.#places.set(chain, place);
      lines.push(...(await this.#read(chain, place, segments)));
    }
    return lines.toSorted((one, other) => compareTimes(one.content, other.content));
  }

  async #chains(): Promise<readonly string[]> {
    return (await this.#place.chains()).chains;
  }

  /** Reads to the end of what is there, and moves the place along. */
  async #read(chain: string, place: Place, segments: readonly number[]): Promise<readonly FollowedLine[]> {
    const lines: FollowedLine[] = [];
    for (;;) {
      await this.#readSegment(chain, place, lines);
      const following = segments.find((segment) => segment > place.segment);
      if (following === undefined) return lines;
      // A segment is written to its end before the next one is made: what is left here is torn.
      place.segment = following;
      place.offset = 0;
    }
  }

  async #readSegment(chain: string, place: Place, lines: FollowedLine[]): Promise<void> {
    const file = await this.#place.open(chain, place.segment).catch(unlessGone);
    if ('segments' in file) return;
    try {
      const { size } = await file.stat();
      for await (const batch of lineBatches(file, place.offset, size)) {
        for (const line of batch) {
          if (!line.whole) continue;
          place.offset = line.end;
          const content = parseLine(line.bytes)?.content;
          if (content === undefined) this.unreadable += 1;
          else lines.push({ content, text: line.bytes.toString('utf8') });
        }
      }
    } finally {
      await file.close();
    }
  }

  async #sizeOf(chain: string, segment: number): Promise<number> {
    const file = await this.#place.open(chain, segment).catch(unlessGone);
    if ('segments' in file) return 0;
    try {
      return (await file.stat()).size;
    } finally {
      await file.close();
    }
  }
}

/** Retention may remove a segment, or a whole chain, while it is looked at. */
function unlessGone(error: unknown): { readonly segments: readonly number[] } {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { segments: [] };
  throw error;
}

function compareTimes(one: JsonObject, other: JsonObject): number {
  const [first, second] = [String(one['time'] ?? ''), String(other['time'] ?? '')];
  return first < second ? -1 : first > second ? 1 : 0;
}
