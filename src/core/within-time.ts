/** Calls that are waited for no longer than a time. */
import type { Clock } from '../clock.ts';
import { CofferError } from '../errors.ts';

export interface TimeBounds {
  readonly milliseconds: number;
  /** It is waited for no longer than this lasts either. */
  readonly outer?: AbortSignal | undefined;
  /** What is said where it took too long; how long that was unless told. */
  readonly late?: string;
}

/**
 * Its signal ends when its time is up; what goes on then goes on unheard. Throws `unavailable` when it took too long: whether it had an
 * effect is not known then.
 */
export async function withinTime<T>(
  clock: Clock,
  bounds: TimeBounds,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const {
    milliseconds,
    outer,
    late = `it did not answer within ${Math.round(milliseconds / 1_000)} s`,
  } = bounds;
  const ending = new AbortController();
  const signal = outer === undefined ? ending.signal : AbortSignal.any([ending.signal, outer]);
  let timer: Disposable | undefined;
  const over = new Promise<never>((_resolve, reject) => {
    timer = clock.after(milliseconds, () => {
      reject(new CofferError('unavailable', late));
      ending.abort();
    });
  });
  try {
    return await Promise.race([call(signal), over]);
  } finally {
    timer?.[Symbol.dispose]();
  }
}
