/** Keeps a duty's lock while something slow is waited for: a part of a backup on its way over a network, say. */
import type { Clock } from '../../clock.ts';
import { asCofferError } from '../../errors.ts';
import { type HeldLock, lockTime } from '../duty/lock.ts';

export interface LockKeeper {
  /** Aborted once the lock is lost, or with the signal that was handed in. */
  readonly signal: AbortSignal;
  /** The outcome of `work`, for which the lock is held; rejects at once when it is lost, or when the signal ends. */
  during<T>(work: Promise<T>): Promise<T>;
  /** Extends it no more. */
  end(): void;
}

export function lockKept(lock: HeldLock, clock: Clock, given: AbortSignal): LockKeeper {
  const ending = new AbortController();
  const stop = () => ending.abort(given.reason);
  if (given.aborted) stop();
  given.addEventListener('abort', stop, { once: true });
  let timer: Disposable | undefined;
  const tick = () => {
    timer = clock.after(lockTime / 3, () => {
      lock.extend().then(
        () => {
          if (timer !== undefined) tick();
        },
        (error: unknown) => ending.abort(asCofferError(error)),
      );
    });
  };
  tick();
  return {
    signal: ending.signal,
    during: (work) => untilAborted(work, ending.signal),
    end() {
      timer?.[Symbol.dispose]();
      timer = undefined;
      given.removeEventListener('abort', stop);
    },
  };
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
