/** Requests that need the consent of others, as the commands meet them. */
import { CofferError } from '../errors.ts';
import { type Environment, variable } from './shell.ts';

/** What to tell whose request was kept. */
export function held(accessor: string): CofferError {
  const wait = `it waits for approval as ${accessor}`;
  const then = `once it is approved, repeat the command with COFFER_APPROVAL=${accessor}`;
  return new CofferError('needs_approval', `this request needs an approval: ${wait}; ${then}`);
}

/**
 * Headers for a request that is approved (`COFFER_APPROVAL`), and for why somebody asks (`COFFER_REASON`). Throws `usage`.
 */
export function approvalHeaders(env: Environment): Readonly<Record<string, string>> {
  const accessor = variable(env, 'COFFER_APPROVAL');
  const reason = variable(env, 'COFFER_REASON');
  if (accessor !== undefined && !/^[0-9A-Za-z]{1,64}$/.test(accessor)) {
    throw new CofferError('usage', 'COFFER_APPROVAL must be the accessor of a request for approval');
  }
  if (reason !== undefined && /\p{Cc}/u.test(reason)) {
    throw new CofferError('usage', 'COFFER_REASON must be one line without control characters');
  }
  return {
    ...(accessor === undefined ? {} : { 'X-Coffer-Approval': accessor }),
    // A header is bytes: these are those of UTF-8.
    ...(reason === undefined ? {} : { 'X-Coffer-Reason': Buffer.from(reason).toString('latin1') }),
  };
}
