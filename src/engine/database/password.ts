/** Passwords of users: 20 characters, with letters of both cases, digits and a dash, as clients know them. */
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { EngineEnvironment } from '../engine.ts';

const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-';
const length = 20;
/** The largest multiple of the letters in a byte: bytes from here on are drawn again, so that all are equally likely. */
const unbiasedBelow = 256 - (256 % letters.length);

/** A password by the policy of that name, or by the usual rule where the name is empty. Throws `invalid_request`. */
export async function makePassword(
  { random, generatePassword }: Pick<EngineEnvironment, 'random' | 'generatePassword'>,
  policy: string,
): Promise<string> {
  if (policy === '') return usualPassword(random);
  if (generatePassword === undefined) throw noPolicies();
  return generatePassword(policy);
}

function noPolicies(): CofferError {
  return new CofferError(
    'invalid_request',
    'this server has no password policies: leave password_policy empty',
  );
}

/** 117 bits: what is drawn again leaves almost all of 63^20. */
function usualPassword(random: Random): string {
  for (;;) {
    const password = drawn(random);
    const whole = /[a-z]/.test(password) && /[A-Z]/.test(password) && /\d/.test(password);
    // Not at its ends, where programs take a dash for an option.
    if (whole && /^[^-].*-.*[^-]$/.test(password)) return password;
  }
}

function drawn(random: Random): string {
  let text = '';
  while (text.length < length) {
    for (const byte of random.bytes(length - text.length)) {
      if (byte < unbiasedBelow) text += letters.charAt(byte % letters.length);
    }
  }
  return text;
}
