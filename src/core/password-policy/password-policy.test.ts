import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, auditText, makePlace, type Place } from '../../../test/fakes/client.ts';
import { systemRandom } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { CofferNode } from '../../main/node.ts';
import { generatePassword, passwordOf } from './generate.ts';
import { parsePasswordPolicy } from './policy.ts';

/** The example of Vault's documentation. */
const example = `
length = 20
rule "charset" {
  charset = "abcdefghijklmnopqrstuvwxyz"
  min-chars = 1
}
rule "charset" {
  charset = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
  min-chars = 1
}
rule "charset" {
  charset = "0123456789"
  min-chars = 1
}
rule "charset" {
  charset = "!@#$%^&*"
  min-chars = 1
}
`;

const refusal = (text: string) => {
  try {
    parsePasswordPolicy(text);
  } catch (error) {
    if (error instanceof CofferError) return error.message;
    throw error;
  }
  return 'taken';
};

describe('a password', () => {
  it('has the length and the characters that the policy wants', () => {
    for (let n = 0; n < 200; n++) {
      const password = generatePassword(example, systemRandom);
      expect(password).toMatch(/^[a-zA-Z0-9!@#$%^&*]{20}$/);
      for (const rule of [/[a-z]/, /[A-Z]/, /[0-9]/, /[!@#$%^&*]/]) expect(password).toMatch(rule);
    }
  });

  it('keeps every rule of every policy that is taken', () => {
    const characters = fc.uniqueArray(fc.constantFrom(...'abcdXYZ019-_é日'), { minLength: 1, maxLength: 8 });
    const rule = fc.record({ characters, least: fc.nat(6) });
    const policy = fc.record({
      length: fc.integer({ min: 30, max: 60 }),
      rules: fc.array(rule, { minLength: 1, maxLength: 5 }),
    });
    fc.assert(
      fc.property(policy, (wanted) => {
        const password = [...passwordOf(wanted, systemRandom)];
        expect(password).toHaveLength(wanted.length);
        const all = new Set(wanted.rules.flatMap((one) => one.characters));
        expect(password.every((character) => all.has(character))).toBe(true);
        for (const one of wanted.rules) {
          const held = password.filter((character) => one.characters.includes(character));
          expect(held.length).toBeGreaterThanOrEqual(one.least);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('threat 25: misuse of cryptography — favours no character and no place', () => {
    const text =
      'length = 4 rule "charset" { charset = "abcde" } rule "charset" { charset = "Z" min-chars = 1 }';
    const places = [0, 0, 0, 0];
    const counts = new Map<string, number>();
    const rounds = 20_000;
    for (let n = 0; n < rounds; n++) {
      const password = generatePassword(text, systemRandom);
      for (const [place, character] of [...password].entries()) {
        if (character === 'Z') places[place] = (places[place] ?? 0) + 1;
        else counts.set(character, (counts.get(character) ?? 0) + 1);
      }
    }
    // One Z for certain, and one more in six of the other three: 1.5 in four places.
    for (const count of places) expect(Math.abs(count - (rounds * 1.5) / 4)).toBeLessThan(rounds * 0.02);
    for (const count of counts.values()) expect(Math.abs(count - rounds * 0.5)).toBeLessThan(rounds * 0.02);
  });

  it('takes no longer for a policy that luck alone would hardly ever satisfy', () => {
    const rare = `length = 64 rule "charset" { charset = "${'abcdefghijklmnopqrstuvwxyz'}" } rule "charset" { charset = "Z" min-chars = 64 }`;
    expect(generatePassword(rare, systemRandom)).toBe('Z'.repeat(64));
  });
});

describe('a policy’s text', () => {
  it('is HCL or JSON', () => {
    const json = '{"length": 8, "rule": [{"charset": {"charset": "ab", "min-chars": 2}}]}';
    expect(parsePasswordPolicy(json)).toEqual({ length: 8, rules: [{ characters: ['a', 'b'], least: 2 }] });
    expect(parsePasswordPolicy('length = 8 rule "charset" { charset = "aab" }')).toEqual({
      length: 8,
      rules: [{ characters: ['a', 'b'], least: 0 }],
    });
  });

  it.each([
    ['', 'is empty'],
    ['length = 8', 'at least one rule'],
    ['rule "charset" { charset = "a" }', 'length is missing'],
    ['length = 3 rule "charset" { charset = "a" }', 'from 4 to'],
    ['length = 100000 rule "charset" { charset = "a" }', 'from 4 to'],
    ['length = "8" rule "charset" { charset = "a" }', 'whole number'],
    ['length = 8.5 rule "charset" { charset = "a" }', 'whole number'],
    ['length = 8 length = 9 rule "charset" { charset = "a" }', 'given twice'],
    ['length = 8 rule "charset" { charset = "" }', 'at least one character'],
    ['length = 8 rule "charset" { }', 'charset is missing'],
    ['length = 8 rule "charset" { charset = "a\\nb" }', 'printed'],
    ['length = 8 rule "charset" { charset = "a\u200b" }', 'printed'],
    ['length = 8 rule "charset" { charset = "e\u0301" }', 'join others'],
    ['length = 8 rule "charset" { charset = "a" min-chars = -1 }', 'whole number'],
    ['length = 8 rule "charset" { charset = "a" min_chars = 1 }', 'unknown key "min_chars"'],
    ['length = 8 rule "charset" { charset = "a" min-chars = 9 }', 'more than the 8'],
    ['length = 8 rule "entropy" { bits = 4 }', 'unknown rule "entropy"'],
    ['length = 8 rule = "charset"', 'a rule is a block'],
    ['length = 8 rule "charset" { charset = "a" } extra = 1', 'unknown key "extra"'],
    ['length = 8 rule "charset" { charset = "a', 'line 1'],
  ])('%j is refused', (text, message) => {
    expect(refusal(text)).toContain(message);
  });

  it('threat 15: parser DoS — is bounded in length, depth, rules and characters', () => {
    const many = 'rule "charset" { charset = "a" } '.repeat(100);
    expect(refusal(`length = 8 ${many}`)).toContain('more than 32 rules');
    const letters = String.fromCodePoint(...Array.from({ length: 3_000 }, (_, n) => 0x4e00 + n));
    expect(refusal(`length = 8 rule "charset" { charset = "${letters}" }`)).toContain('2048');
    expect(refusal(`length = ${'['.repeat(100_000)}`)).toContain('nested');
    expect(refusal('x'.repeat(300_000))).toContain('longer than');
    expect(refusal(`${'rule "charset" '.repeat(5_000)}{}`)).toContain('line 1');
  });
});

describe('sys/policies/password', () => {
  let place: Place;
  let node: CofferNode;
  beforeAll(async () => {
    place = await makePlace();
    node = await place.node();
  });
  afterAll(() => place.remove());

  it('keeps policies, lists them, makes passwords by them, and forgets them', async () => {
    expect((await ask(node, 'list', 'sys/policies/password/')).status).toBe(404);
    const written = await ask(node, 'update', 'sys/policies/password/My-Policy', { policy: example });
    expect(written.status).toBe(204);
    const base64 = Buffer.from(example).toString('base64');
    await ask(node, 'update', 'sys/policies/password/other', { policy: base64 });
    expect((await ask(node, 'list', 'sys/policies/password/')).data).toEqual({
      keys: ['my-policy', 'other'],
    });
    for (const name of ['my-policy', 'other']) {
      expect((await ask(node, 'read', `sys/policies/password/${name}`)).data).toEqual({ policy: example });
      const made = await ask(node, 'read', `sys/policies/password/${name}/generate`);
      expect(String(made.data['password'])).toHaveLength(20);
      expect(auditText(place.auditDirectory)).not.toContain(String(made.data['password']));
    }
    expect((await ask(node, 'delete', 'sys/policies/password/other')).status).toBe(204);
    expect((await ask(node, 'read', 'sys/policies/password/other')).status).toBe(404);
    expect((await ask(node, 'read', 'sys/policies/password/other/generate')).status).toBe(404);
  });

  it('refuses a wrong text and changes nothing', async () => {
    for (const policy of ['', 'length = 1', 'path "a" { capabilities = ["read"] }']) {
      expect((await ask(node, 'update', 'sys/policies/password/my-policy', { policy })).status).toBe(400);
    }
    expect((await ask(node, 'update', 'sys/policies/password/my-policy', {})).status).toBe(400);
    expect((await ask(node, 'read', 'sys/policies/password/my-policy')).data).toEqual({ policy: example });
    for (const name of ['ä', 'a b', '-a', `a${'x'.repeat(200)}`]) {
      const answer = await ask(node, 'update', `sys/policies/password/${name}`, { policy: example });
      expect(answer.status, name).toBe(400);
    }
  });
});
