/** What the rest of the room knows of traces: nothing is loaded, and next to nothing is done, while there are none. */
import type { Passage } from '../core/meter.ts';
import type { Request, Road } from '../core/request.ts';

/** Ends a span; `problem` is the code of the error it ended with. */
export type EndSpan = (problem: string | undefined) => void;

export interface Spans {
  /** Wraps each traced request in a span of its own. */
  road(road: Road): Road;
  /** The span of the request that is being handled; undefined where it is not traced. */
  passage(request: Request): Passage | undefined;
  /** Begins a span below the request that is being handled, if that is traced. `name` is one of a few of ours. */
  child(name: string): EndSpan | undefined;
  /** Sends what is left, for a moment, and ends. Never rejects. */
  close(): Promise<void>;
}

export const noSpans: Spans = {
  road: (road) => road,
  passage: () => undefined,
  child: () => undefined,
  close: () => Promise.resolve(),
};
