/**
 * Keys that people hand in one by one are gathered in the memory of one process. With workers a client cannot choose whom it meets, so
 * one of them is the home of these requests, and the others have it answer; and whoever opens or seals the store tells all others.
 */

import type { Clock } from '../../clock.ts';
import { errorAnswer } from '../../core/answer.ts';
import type { Answer, Request, Road } from '../../core/request.ts';
import type { SealState } from '../../core/seal-state.ts';
import type { Random } from '../../crypto/random.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { SealedKey, SentRequest } from './protocol.ts';
import { sealRootKey, wishForRootKey } from './root-key.ts';
import type { WorkerSeat } from './worker.ts';

/** Milliseconds: for the others to open the store, and for an answer of the home. */
const unsealPatience = 15_000;
const homePatience = 100_000;
/** Milliseconds within which the parent says a word: it has nothing to do that takes long. And those between two such questions. */
const parentPatience = 5_000;
const parentWatched = 5_000;

const ofHome = /^sys\/(unseal|seal-status|seal-slots|rekey|generate-root)/;

/** Wraps the road of one worker. */
export function homeRoad(road: Road, state: SealState, seat: WorkerSeat, log: Logger, clock: Clock): Road {
  const { number } = seat.start;
  let home = 1;
  seat.hear('homeIs', (told) => {
    home = told;
    // Told when somebody comes or goes: whoever was starting while the store was opened has not heard of that.
    void openWithOthers(state, seat, log);
  });
  const local = async (request: Request): Promise<Answer> => {
    const before = state.core;
    const answer = await road.handle(request);
    const after = state.core;
    if (before === undefined && after !== undefined)
      await seat.others('unsealed', null, unsealPatience).catch(ignore);
    if (before !== undefined && after === undefined) await seat.others('sealed', null).catch(ignore);
    return answer;
  };
  seat.answer('home', ({ request, headers }) =>
    local({ ...request, header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined) }),
  );
  return {
    ...road,
    handle(request) {
      // Of an open store every worker knows all there is to say: who watches a server must not wait for a home that is stopped.
      const isKnown = request.path === 'sys/seal-status' && state.core !== undefined;
      if (ofHome.test(request.path) && !isKnown) {
        if (home === number) return local(request);
        return askHome(seat, sentRequest(request, state), clock).catch((error: unknown) =>
          errorAnswer(request, error),
        );
      }
      // Whoever comes first to a store that another process has sealed is told too late for the others to have noticed.
      return request.path === 'sys/seal' ? local(request) : road.handle(request);
    },
  };
}

/**
 * A parent that is stopped (SIGSTOP, a debugger) passes nothing on and tells nobody. The home may well take its time, so the parent is
 * asked for a word before and meanwhile: without one `unavailable`, in seconds.
 */
async function askHome(seat: WorkerSeat, sent: SentRequest, clock: Clock): Promise<Answer> {
  const parentSpeaks = () => seat.line.ask('ping', null, parentPatience);
  await parentSpeaks().catch(() => {
    throw silentParent('nothing was done');
  });
  const answer = seat.line.ask('home', sent, homePatience);
  return new Promise((resolve, reject) => {
    let timer: Disposable | undefined;
    let over = false;
    const end = (): void => {
      over = true;
      timer?.[Symbol.dispose]();
    };
    const watch = (): void => {
      if (over) return;
      timer = clock.after(parentWatched, () => {
        parentSpeaks().then(watch, () =>
          reject(silentParent('whether the request was carried out is not known')),
        );
      });
    };
    watch();
    answer.finally(end).then(resolve, reject);
  });
}

function silentParent(outcome: string): CofferError {
  const who = 'the process that leads the workers of this server does not answer';
  return new CofferError('unavailable', `${who}: see whether it is stopped; ${outcome}`);
}

function ignore(): void {
  // Who does not hear it now sees it in the store, with the next request or the next pass of its duty.
}

function sentRequest(
  {
    id,
    operation,
    path,
    data,
    token,
    wrapTtl,
    remoteAddress,
    mfa,
    metricsWithoutToken,
    traceparent,
    header,
  }: Request,
  state: SealState,
): SentRequest {
  const names = [...(state.core?.settings.auditedHeaders.keys() ?? [])];
  const headers = names.flatMap((name) => {
    const value = header?.(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    request: {
      id,
      operation,
      path,
      data,
      token,
      wrapTtl,
      remoteAddress,
      ...(mfa === undefined ? {} : { mfa }),
      ...(metricsWithoutToken === undefined ? {} : { metricsWithoutToken }),
      ...(traceparent === undefined ? {} : { traceparent }),
    },
    headers: Object.fromEntries(headers),
  };
}

/** Has this worker open and seal its store with the others. */
export function followOthers(state: SealState, seat: WorkerSeat, random: Random, log: Logger): void {
  seat.answer('rootKey', async ({ publicKey }): Promise<SealedKey | null> => {
    const barrier = state.core?.barrier;
    if (barrier === undefined) return null;
    return barrier.withRootKey(async (rootKey) => sealRootKey(publicKey, rootKey, random));
  });
  seat.answer('unsealed', async () => {
    await openWithOthers(state, seat, log);
    return null;
  });
  seat.answer('sealed', async () => {
    await state.lookForSeal();
    return null;
  });
}

/** Opens the store with the key of a worker that has it open; does nothing where none has. Never rejects. */
export async function openWithOthers(state: SealState, seat: WorkerSeat, log: Logger): Promise<void> {
  try {
    if (state.core !== undefined || !(await state.status()).initialized) return;
    const wish = wishForRootKey();
    const answers = await seat.others('rootKey', { publicKey: wish.publicKey });
    const answer = (answers as readonly (SealedKey | null)[]).find((each) => each !== null);
    if (answer !== undefined && answer !== null) await state.openWith(wish.open(answer));
  } catch (error) {
    // Sealed again meanwhile: whoever seals has the last word.
    if (asCofferError(error).code === 'sealed') return;
    log.error('this worker could not open the store with the key of another', { error });
  }
}
