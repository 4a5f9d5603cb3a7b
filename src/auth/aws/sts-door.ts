/**
 * The way to STS. Anybody may ask for a login, and each that seems right costs a request: so few are under way at once, none of them
 * more than a share from one address, whoever was refused too often waits, and what STS refused once it is not asked again.
 */
import { AwsError } from '../../aws/aws-error.ts';
import type { Clock } from '../../clock.ts';
import { sha256 } from '../../crypto/digest.ts';
import { CofferError } from '../../errors.ts';
import { originOf } from '../../origin.ts';
import type { Outgoing, OutgoingAnswer } from '../../outgoing/https.ts';
import { Answers } from './answers.ts';
import { type CallerIdentity, longestIdentityAnswer, readCallerIdentity } from './caller-identity.ts';
import { Refusals } from './refusals.ts';
import { identityQuestion, type SignedRequest } from './signed-request.ts';

const mostUnderWay = 32;
const mostWaiting = 2_000;
/** Under way and waiting, of one address: many machines may stand behind it. */
const mostOfOneAddress = 500;
/** Refusals by STS that one address may earn: so many at once, and so many a minute. */
const refusalsOfOne = { requests: 20, per: 60_000, burst: 20 };
/** Milliseconds that a refusal of STS is remembered. */
const refusalGoodFor = 60_000;
const mostRefusals = 20_000;

export class StsDoor {
  readonly #outgoing: Outgoing;
  readonly #refused: Answers<true>;
  readonly #refusals: Refusals;
  readonly #ofAddress = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(outgoing: Outgoing, clock: Clock) {
    this.#outgoing = outgoing;
    this.#refusals = new Refusals(clock, refusalsOfOne);
    this.#refused = new Answers(clock, { goodFor: () => refusalGoodFor, most: mostRefusals });
  }

  /**
   * Who signed the request, as STS says.
   *
   * @param endpoint where STS is, without a path
   * @param address whoever wants to log in
   * @throws `permission_denied` with the reason, which stays inside; `rate_limited`; `AwsError` where STS did not answer
   */
  async ask(request: SignedRequest, endpoint: string, address: string): Promise<CallerIdentity> {
    const origin = originOf(address);
    // All of it: what somebody else adds to a right signature must not make that one wrong.
    const about = sha256(JSON.stringify([endpoint, request.headers])).toString('base64');
    this.#requireHope(about, origin);
    const count = this.#ofAddress.get(origin) ?? 0;
    if (count >= mostOfOneAddress) throw busy();
    this.#ofAddress.set(origin, count + 1);
    try {
      const answer = await this.#inTurn(() => {
        // Others of the same burst may have been refused while this one waited.
        this.#requireHope(about, origin);
        return this.#send(request, endpoint);
      });
      return this.#read(answer, about, origin);
    } finally {
      const left = (this.#ofAddress.get(origin) ?? 1) - 1;
      if (left > 0) this.#ofAddress.set(origin, left);
      else this.#ofAddress.delete(origin);
    }
  }

  #requireHope(about: string, origin: string): void {
    if (this.#refused.get(about) !== undefined) throw refused('STS refused the same request before');
    this.#refusals.check(origin);
  }

  async #send({ headers }: SignedRequest, endpoint: string): Promise<OutgoingAnswer> {
    try {
      return await this.#outgoing({
        url: `${endpoint}/`,
        method: 'POST',
        headers: { ...headers, Accept: 'text/xml' },
        body: identityQuestion,
        longest: longestIdentityAnswer,
      });
    } catch (error) {
      // Where STS is, and what was wrong with it, is not for strangers.
      throw new AwsError('network', `STS: ${error instanceof Error ? error.message : 'no answer'}`);
    }
  }

  #read({ status, contentType, body }: OutgoingAnswer, about: string, origin: string): CallerIdentity {
    if (status === 200) return readCallerIdentity(contentType, body);
    if (status === 429 || status >= 500 || isThrottling(body)) {
      throw new AwsError(
        status >= 500 && status !== 503 ? 'aws-fault' : 'throttled',
        `STS answered ${status}`,
      );
    }
    this.#refused.set(about, true);
    this.#refusals.count(origin);
    throw refused(`STS answered ${status}`);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#underWay < mostUnderWay) this.#underWay += 1;
    else {
      if (this.#waiting.length >= mostWaiting) throw busy();
      // Whoever ends hands its place on.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#underWay -= 1;
      else next();
    }
  }
}

/** Of its error codes only the ones that say "later" are looked for. */
function isThrottling(body: Buffer): boolean {
  return /<Code>(Throttling|ThrottlingException|RequestLimitExceeded)<\/Code>/.test(body.toString('latin1'));
}

function refused(reason: string): CofferError {
  return new CofferError('permission_denied', reason);
}

function busy(): CofferError {
  return new CofferError('rate_limited', 'too many logins at the same time; try again');
}
