/** Making passwords by a policy. */
import type { Random } from '../../crypto/random.ts';
import { type PasswordPolicy, parsePasswordPolicy } from './policy.ts';

/**
 * A password by the policy of this text. Every place is drawn from the operating system's random numbers without favouring any
 * character. Throws `invalid_request` for a text that is no policy.
 */
export function generatePassword(policyText: string, random: Random): string {
  return passwordOf(parsePasswordPolicy(policyText), random);
}

/**
 * What the rules want at least is drawn first, the rest from all characters together, and then all is shuffled. So it takes the same
 * work for every policy, where drawing until the rules happen to hold would go on for ever with some.
 */
export function passwordOf({ length, rules }: PasswordPolicy, random: Random): string {
  const draw = new Draw(random);
  const all = [...new Set(rules.flatMap(({ characters }) => characters))];
  const drawn = rules.flatMap(({ characters, least }) =>
    Array.from({ length: least }, () => draw.from(characters)),
  );
  while (drawn.length < length) drawn.push(draw.from(all));
  // Fisher and Yates, from the end.
  for (let last = drawn.length - 1; last > 0; last--) {
    const other = draw.below(last + 1);
    const character = drawn[last] ?? '';
    drawn[last] = drawn[other] ?? '';
    drawn[other] = character;
  }
  return drawn.join('');
}

class Draw {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  from(characters: readonly string[]): string {
    return characters[this.below(characters.length)] ?? '';
  }

  /** Each equally likely: what the modulo would favour is drawn again. */
  below(bound: number): number {
    const fair = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const number = this.#random.bytes(4).readUInt32BE(0);
      if (number < fair) return number % bound;
    }
  }
}
