import type { PlainWrite } from '../../barrier/store.ts';
import type { CofferError } from '../../errors.ts';
import type { Expectation } from '../../storage/storage.ts';

/** What a request's first commit does besides, so that whatever the request does is done once. */
export interface Toll {
  readonly writes: readonly PlainWrite[];
  readonly expectations: readonly Expectation[];
  /** Thrown where one of the expectations fails: somebody else was first. */
  readonly lost: () => CofferError;
}
