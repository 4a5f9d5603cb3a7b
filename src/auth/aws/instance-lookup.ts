/**
 * Instances of one account and region, many in one question: whoever comes while a question is under way is part of the next one. So
 * ten thousand instances that log in at once are some fifty questions, one after the other, and one id that is wrong fails
 * no others. There are no more questions a second than the mount is told, since AWS counts them for the whole account.
 */
import { type Ec2Client, mostInstances } from '../../aws/ec2.ts';
import type { Clock } from '../../clock.ts';
import { Buckets } from '../../core/quota/buckets.ts';
import { CofferError } from '../../errors.ts';
import type { Instance } from './questions.ts';

/** Logins that wait for an answer; more are told to come again. */
const mostWaiting = 20_000;

interface Waiting {
  readonly resolve: (instance: Instance | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class InstanceLookup {
  readonly #client: Ec2Client;
  readonly #clock: Clock;
  readonly #pace = new Buckets();
  #perSecond = 1;
  #waiting = new Map<string, Waiting[]>();
  #count = 0;
  #underWay = false;

  constructor(client: Ec2Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /**
   * What the account has of this id; undefined for nothing. Rejects with `AwsError`, and `unavailable` where too many wait.
   *
   * @param perSecond questions at most, as the mount's config says now
   */
  async find(id: string, perSecond: number): Promise<Instance | undefined> {
    this.#perSecond = perSecond;
    if (this.#count >= mostWaiting) {
      throw new CofferError('unavailable', 'too many instances are being looked up; try again');
    }
    this.#count += 1;
    const answer = new Promise<Instance | undefined>((resolve, reject) => {
      const others = this.#waiting.get(id);
      if (others === undefined) this.#waiting.set(id, [{ resolve, reject }]);
      else others.push({ resolve, reject });
    });
    if (!this.#underWay) void this.#work();
    return answer.finally(() => {
      this.#count -= 1;
    });
  }

  close(): void {
    this.#client.close();
  }

  /** Never rejects: each failure is told to those who wait for it. */
  async #work(): Promise<void> {
    this.#underWay = true;
    // Those of the same turn come along.
    await Promise.resolve();
    while (this.#waiting.size > 0) {
      await this.#turn();
      await this.#ask(this.#next());
    }
    this.#underWay = false;
  }

  /** Whoever comes while it is waited for is part of the question. */
  async #turn(): Promise<void> {
    for (;;) {
      const rate = { requests: this.#perSecond, per: 1_000, burst: this.#perSecond };
      const { admitted, wait } = this.#pace.take('', rate, this.#clock.steady());
      if (admitted) return;
      await new Promise<void>((resolve) => {
        this.#clock.after(Math.ceil(wait), resolve);
      });
    }
  }

  #next(): ReadonlyMap<string, readonly Waiting[]> {
    if (this.#waiting.size <= mostInstances) {
      const all = this.#waiting;
      this.#waiting = new Map();
      return all;
    }
    const some = new Map([...this.#waiting].slice(0, mostInstances));
    for (const id of some.keys()) this.#waiting.delete(id);
    return some;
  }

  async #ask(asked: ReadonlyMap<string, readonly Waiting[]>): Promise<void> {
    try {
      const found = await this.#client.describeInstances([...asked.keys()]);
      const byId = new Map(found.map((instance) => [instance.id, instance]));
      for (const [id, waiting] of asked) for (const { resolve } of waiting) resolve(byId.get(id));
    } catch (error) {
      for (const waiting of asked.values()) for (const { reject } of waiting) reject(error);
    }
  }
}
