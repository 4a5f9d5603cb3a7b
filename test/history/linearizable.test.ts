/** The checker itself, against histories written by hand and against histories of a thing that works. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generator } from '../fault/storage-fault.ts';
import { checkKey, type Model, type Operation } from './linearizable.ts';
import {
  type SecretInput,
  type SecretOutput,
  secretModel,
  type TokenInput,
  type TokenOutput,
  tokenModel,
} from './models.ts';
import { EventClock, KeyHistory } from './recorder.ts';

type Row<I, O> = readonly [called: number, returned: number, input: I, output?: O];

/** Each row is one client's operation; one that returns at 0 never did. */
function verdictOf<S, I, O>(model: Model<S, I, O>, rows: readonly Row<I, O>[]): string {
  const operations = rows.map(
    ([called, returned, input, output], client): Operation<I, O> => ({
      client,
      called,
      returned: returned === 0 ? Number.POSITIVE_INFINITY : returned,
      input,
      output,
    }),
  );
  return checkKey(model, operations).kind;
}

const secret = (...rows: readonly Row<SecretInput, SecretOutput>[]) => verdictOf(secretModel, rows);
const token = (uses: number, ...rows: readonly Row<TokenInput, TokenOutput>[]) =>
  verdictOf(tokenModel(uses), rows);

const write = (value: string, cas?: number): SecretInput => ({
  kind: 'write',
  value,
  ...(cas === undefined ? {} : { cas }),
});
const read = (version?: number): SecretInput => ({
  kind: 'read',
  ...(version === undefined ? {} : { version }),
});
const written = (version: number): SecretOutput => ({ kind: 'written', version });
const found = (version: number, value: string): SecretOutput => ({ kind: 'found', version, value });
const mismatch: SecretOutput = { kind: 'mismatch' };
const absent: SecretOutput = { kind: 'absent' };
const use: TokenInput = { kind: 'use' };
const revoke: TokenInput = { kind: 'revoke' };
const done: TokenOutput = { kind: 'done' };
const refused: TokenOutput = { kind: 'refused' };

describe('a secret', () => {
  it('may be read old or new while it is being written, but never old after new', () => {
    expect(
      secret([1, 10, write('a'), written(1)], [2, 3, read(), absent], [4, 5, read(), found(1, 'a')]),
    ).toBe('linearizable');
    expect(
      secret([1, 10, write('a'), written(1)], [2, 3, read(), found(1, 'a')], [4, 5, read(), absent]),
    ).toBe('anomaly');
  });

  it('stale read: what was acknowledged before is not seen', () => {
    const first: Row<SecretInput, SecretOutput> = [1, 2, write('a'), written(1)];
    expect(secret(first, [3, 4, write('b'), written(2)], [5, 6, read(), found(1, 'a')])).toBe('anomaly');
    expect(secret(first, [3, 6, write('b'), written(2)], [4, 5, read(), found(1, 'a')])).toBe('linearizable');
    expect(secret(first, [3, 4, read(), absent])).toBe('anomaly');
  });

  it('lost update: two are told that they followed the same version', () => {
    const first: Row<SecretInput, SecretOutput> = [1, 2, write('a', 0), written(1)];
    expect(secret(first, [3, 6, write('b', 1), written(2)], [4, 5, write('c', 1), written(2)])).toBe(
      'anomaly',
    );
    expect(secret(first, [3, 6, write('b', 1), written(2)], [4, 5, write('c', 1), mismatch])).toBe(
      'linearizable',
    );
    expect(secret(first, [3, 4, write('b', 1), mismatch])).toBe('anomaly');
    // Acknowledged, and not there in the end.
    expect(secret(first, [3, 4, write('b', 1), written(2)], [7, 8, read(), found(1, 'a')])).toBe('anomaly');
  });

  it('versions: each append has its own number, and every kept version stays what it was', () => {
    const both: readonly Row<SecretInput, SecretOutput>[] = [
      [1, 9, write('a'), written(2)],
      [2, 8, write('b'), written(1)],
    ];
    expect(secret(...both, [10, 11, read(1), found(1, 'b')], [12, 13, read(2), found(2, 'a')])).toBe(
      'linearizable',
    );
    expect(secret(...both, [10, 11, read(1), found(1, 'a')])).toBe('anomaly');
    expect(secret([1, 9, write('a'), written(1)], [2, 8, write('b'), written(1)])).toBe('anomaly');
    expect(secret([1, 2, write('a'), written(2)])).toBe('anomaly');
    expect(secret(...both, [10, 11, read(3), absent])).toBe('linearizable');
    const eleven = Array.from(
      { length: 11 },
      (_, index): Row<SecretInput, SecretOutput> => [
        2 * index + 1,
        2 * index + 2,
        write(`${index + 1}`),
        written(index + 1),
      ],
    );
    expect(secret(...eleven, [30, 31, read(1), absent], [32, 33, read(2), found(2, '2')])).toBe(
      'linearizable',
    );
    expect(secret(...eleven, [30, 31, read(1), found(1, '1')])).toBe('anomaly');
  });

  it('unknown outcome: it may have happened at any time after its call, late too, once, or never', () => {
    const lost: Row<SecretInput, SecretOutput> = [3, 0, write('b', 1)];
    const first: Row<SecretInput, SecretOutput> = [1, 2, write('a'), written(1)];
    expect(secret(first, lost, [5, 6, read(), found(1, 'a')])).toBe('linearizable');
    expect(secret(first, lost, [5, 6, read(), found(2, 'b')])).toBe('linearizable');
    expect(secret(first, lost, [5, 6, read(), found(1, 'a')], [7, 8, read(), found(2, 'b')])).toBe(
      'linearizable',
    );
    expect(secret(first, lost, [5, 6, read(), found(2, 'b')], [7, 8, read(), found(1, 'a')])).toBe('anomaly');
    // Before it was called.
    expect(secret(first, [3, 4, read(), found(2, 'b')], [5, 0, write('b', 1)])).toBe('anomaly');
    // Twice.
    expect(secret([1, 0, write('b')], [3, 4, read(), found(2, 'b')])).toBe('anomaly');
    // A check-and-set that came too late changes nothing.
    expect(secret(first, lost, [5, 6, write('c', 1), written(2)], [7, 8, read(), found(3, 'b')])).toBe(
      'anomaly',
    );
  });
});

describe('a token', () => {
  it('double use: more uses than it had', () => {
    expect(token(1, [1, 4, use, done], [2, 3, use, refused])).toBe('linearizable');
    expect(token(1, [1, 4, use, done], [2, 3, use, done])).toBe('anomaly');
    expect(token(2, [1, 4, use, done], [2, 3, use, done], [5, 6, use, refused])).toBe('linearizable');
  });

  it('refused although it had uses left', () => {
    expect(token(2, [1, 2, use, done], [3, 4, use, refused])).toBe('anomaly');
  });

  it('resurrected: good for something after it was no good', () => {
    expect(token(5, [1, 2, revoke, done], [3, 4, use, done])).toBe('anomaly');
    expect(token(5, [1, 4, revoke, done], [2, 3, use, done])).toBe('linearizable');
    expect(token(5, [1, 9, revoke, done], [2, 3, use, refused], [4, 5, use, done])).toBe('anomaly');
  });

  it('unknown outcome: a use may have been spent, a revocation may have happened', () => {
    expect(token(1, [1, 0, use], [3, 4, use, refused])).toBe('linearizable');
    expect(token(1, [1, 0, use], [3, 4, use, done])).toBe('linearizable');
    expect(token(2, [1, 0, use], [3, 4, use, refused])).toBe('anomaly');
    expect(token(2, [1, 0, revoke], [3, 4, use, done], [5, 6, use, refused])).toBe('linearizable');
    expect(token(3, [1, 0, revoke], [3, 4, use, refused], [5, 6, use, done])).toBe('anomaly');
  });
});

/** Concurrent clients of one copy that does one thing at a time: each effect at a drawn moment between call and answer. */
function workingHistory(
  seed: number,
  length: number,
  lost = 0.03,
): readonly Operation<SecretInput, SecretOutput>[] {
  const random = generator(seed);
  const history = new KeyHistory('k', secretModel, new EventClock());
  type Pending = {
    readonly effect: () => SecretOutput;
    readonly call: ReturnType<typeof history.call>;
    output?: SecretOutput;
  };
  let state = secretModel.initial;
  const pending: Pending[] = [];
  const effectOf = (input: SecretInput) => (): SecretOutput => {
    if (input.kind === 'read') {
      const value = state.values.at(-1);
      return value === undefined ? absent : found(state.versions, value);
    }
    if (input.cas !== undefined && input.cas !== state.versions) return mismatch;
    state = secretModel.step(state, input, undefined) ?? state;
    return written(state.versions);
  };
  for (let count = 0; count < length || pending.length > 0; ) {
    const drawn = random();
    const at = Math.floor(random() * pending.length);
    const one = pending[at];
    if (count < length && (one === undefined || (drawn < 0.4 && pending.length < 6))) {
      count += 1;
      const input =
        random() < 0.4
          ? read()
          : write(
              `${count}`,
              random() < 0.6 ? Math.max(0, state.versions - Math.floor(random() * 2)) : undefined,
            );
      pending.push({ effect: effectOf(input), call: history.call(count, input) });
    } else if (one === undefined) continue;
    else if (one.output === undefined) one.output = one.effect();
    else {
      pending.splice(at, 1);
      // Some never hear of what they did.
      if (random() >= lost) one.call.answered(one.output);
    }
  }
  return history.operations;
}

describe('histories of a copy that works', () => {
  it('are linearizable, also where outcomes are unknown', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        expect(checkKey(secretModel, workingHistory(seed, 200)).kind).toBe('linearizable');
      }),
      { numRuns: 30 },
    );
  });

  it('are not any more once one answer is another', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (seed, drawn) => {
        const operations = workingHistory(seed, 120, 0);
        const answered = operations.filter(
          ({ output }) => output?.kind === 'written' || output?.kind === 'found',
        );
        const victim = answered[drawn % answered.length];
        const spoilt = operations.map((each) =>
          each === victim && each.output !== undefined && 'version' in each.output
            ? { ...each, output: { ...each.output, version: each.output.version + 1 } }
            : each,
        );
        expect(checkKey(secretModel, spoilt).kind).toBe('anomaly');
      }),
      { numRuns: 30 },
    );
  });

  it('are long in the long run, and checked all the same', () => {
    expect(checkKey(secretModel, workingHistory(7, 3_000)).kind).toBe('linearizable');
  });
});
