/** A request in the making, where there is no server: its secret is drawn and wrapped here, and proven by two codes before it is sent. */

import { stepsOf } from '../crypto/one-time-code.ts';
import { formatOtpauth } from '../crypto/otpauth.ts';
import { type Random, randomUuid, systemRandom } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';
import {
  contextOf,
  type EnrolmentRequest,
  requestCodes,
  requestKeyBytes,
  requestSecret,
  requestText,
  type WaitingRequest,
} from './enrolment-request.ts';
import type { InboxServices } from './inbox-table.ts';

export interface Draft {
  /** The secret, for an authenticator. */
  readonly url: string;
  /** Throws `invalid_request` unless these are two codes of the device in a row. @param now milliseconds */
  prove(code: string, next: string, now: number): void;
  readonly waiting: WaitingRequest;
}

/** Throws what KMS answers; nothing is written. @param key of KMS */
export async function draftRequest(
  kms: InboxServices['kms'],
  key: string,
  wish: Omit<EnrolmentRequest, 'id'>,
  random: Random = systemRandom,
): Promise<Draft> {
  const request = { ...wish, id: randomUuid(random) };
  const text = requestText(request);
  const seed = random.bytes(requestKeyBytes);
  const secret = requestSecret(text, seed);
  const { ciphertext } = await kms
    .encrypt({ key, plaintext: secret, context: contextOf(request) })
    .finally(() => secret.fill(0));
  return {
    url: formatOtpauth(seed, request.issuer, request.account, requestCodes),
    prove(code, next, now) {
      // Whoever types two codes takes a step longer than for one.
      const first = stepsOf(code, seed, now, requestCodes, 2);
      const isPair = stepsOf(next, seed, now, requestCodes, 1).some((step) => first.includes(step - 1));
      if (code !== next && isPair) return;
      throw new CofferError(
        'invalid_request',
        'these are not two codes in a row of the new device: check its clock, and give a code and the one after it',
      );
    },
    waiting: { request, text, ciphertext },
  };
}
