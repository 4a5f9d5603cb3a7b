/** Codes: shown where the secret was given, checked where it was made. */
import { type Call, type Endpoint, endpoint } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { codeAt, stepAt, stepsOf } from '../../crypto/one-time-code.ts';
import { CofferError } from '../../errors.ts';
import { decodeTotpKey, encodeTotpKey, keyPath, parseKeyName, type TotpKey } from './key.ts';

/**
 * Wrong codes during one period, from everybody and on all nodes. Three of a million codes are right at any time: a day of guessing
 * at this pace finds one in one of twenty tries, and whoever has the right code waits for one period at most.
 */
export const mostWrong = 5;

export function codeEndpoint(): Endpoint {
  return endpoint({
    pattern: 'code/:name',
    help: 'Shows the code of now, or says whether a code is right: each is accepted once.',
    fields: { code: { type: 'string', help: 'The code to check.', sensitive: true } },
    operations: {
      read: {
        summary: 'Show the code',
        response: { code: { type: 'string', sensitive: true } },
        handle: async (call) => {
          const { key } = await needKey(call);
          return { data: { code: codeAt(key.key, stepAt(call.clock.now(), key), key) } };
        },
      },
      update: {
        summary: 'Check a code',
        response: { valid: { type: 'bool' } },
        handle: async (call) => ({ data: { valid: await checkCode(call, call.fields.code ?? '') } }),
      },
    },
  });
}

interface ReadTotpKey {
  readonly key: TotpKey;
  readonly commit: (after: TotpKey) => Promise<unknown>;
}

async function needKey(call: Call): Promise<ReadTotpKey> {
  const name = parseKeyName(call.params['name']);
  const path = keyPath(name);
  const stored = await call.view.read(path);
  if (stored === undefined) throw new CofferError('invalid_request', `unknown key: ${name}`);
  return {
    key: decodeTotpKey(stored.open()),
    commit: (after) =>
      call.view.commit([{ path, value: encodeTotpKey(after) }], [{ path, revision: stored.revision }]),
  };
}

/**
 * The step of an accepted code is written in a commit that expects the key as it was read: of the same code sent many times, on
 * any nodes, one is accepted, and none after it of that step or an earlier one.
 */
async function checkCode(call: Call, code: string): Promise<boolean> {
  // Before anything is looked up, and with the ten digits of ASCII only: what looks like a code is none.
  if (code === '') throw new CofferError('invalid_request', 'the code value is required');
  if (!/^\d{6}$|^\d{8}$/.test(code)) {
    throw new CofferError('invalid_request', 'a code has 6 or 8 digits and nothing else');
  }
  return retryOnConflict(async () => {
    const { key, commit } = await needKey(call);
    const now = call.clock.now();
    const step = stepAt(now, key);
    const wrong = key.wrong.step === step ? key.wrong.count : 0;
    if (wrong >= mostWrong) {
      throw new CofferError('rate_limited', 'too many wrong codes; wait until the next time period');
    }
    const steps = stepsOf(code, key.key, now, key, key.skew);
    const unused = steps.find((one) => one > key.lastStep);
    if (unused !== undefined) {
      await commit({ ...key, lastStep: unused });
      return true;
    }
    if (steps.length > 0) {
      throw new CofferError('invalid_request', 'code already used; wait until the next time period');
    }
    await commit({ ...key, wrong: { step, count: wrong + 1 } });
    return false;
  });
}
