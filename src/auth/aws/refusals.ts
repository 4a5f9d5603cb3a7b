/**
 * Strangers that make us ask AWS. Anybody may try to log in, and AWS counts what it is asked: whoever had too much of it refused
 * waits, whatever comes next from the same address.
 */
import type { Clock } from '../../clock.ts';
import { Buckets, type Rate } from '../../core/quota/buckets.ts';
import { CofferError } from '../../errors.ts';
import { originOf } from '../../origin.ts';
import type { AwsQuestions } from './questions.ts';

export class Refusals {
  readonly #clock: Clock;
  readonly #rate: Rate;
  readonly #buckets = new Buckets();

  /** @param rate refusals that one address may earn */
  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
  }

  /** Throws `rate_limited` for an address that has earned too many. */
  check(address: string): void {
    if (this.#buckets.wait(originOf(address), this.#rate, this.#clock.steady()) <= 0) return;
    throw new CofferError('rate_limited', 'too many logins that AWS refused; try again later');
  }

  count(address: string): void {
    this.#buckets.take(originOf(address), this.#rate, this.#clock.steady());
  }
}

/** The same questions, asked because somebody who is not known yet wants to log in: instances that nobody knows count against them. */
export function askedByStranger(questions: AwsQuestions, refusals: Refusals, address: string): AwsQuestions {
  return {
    ...questions,
    instance: async (account, region, id) => {
      refusals.check(address);
      const found = await questions.instance(account, region, id);
      if (found === undefined) refusals.count(address);
      return found;
    },
  };
}
