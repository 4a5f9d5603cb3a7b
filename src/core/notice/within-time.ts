import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';

/**
 * A call that is waited for no longer than so many milliseconds, nor than `outer` lasts; its signal ends with either. Throws
 * `unavailable` when it took too long: whether it had an effect is not known then.
 */
export async function withinTime<T>(
  clock: Clock,
  milliseconds: number,
  outer: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const signal = outer === undefined ? ending.signal : AbortSignal.any([ending.signal, outer]);
  let timer: Disposable | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = clock.after(milliseconds, () => {
      reject(
        new CofferError('unavailable', `it did not answer within ${Math.round(milliseconds / 1_000)} s`),
      );
      ending.abort();
    });
  });
  try {
    return await Promise.race([call(signal), late]);
  } finally {
    timer?.[Symbol.dispose]();
  }
}
