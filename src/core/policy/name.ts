/** Names of policies. */
import { CofferError } from '../../errors.ts';
import { defaultPolicyName, responseWrappingPolicyName, rootPolicyName } from './builtin.ts';
import { quote } from './position.ts';

declare const policyName: unique symbol;
/** `[a-z0-9][a-z0-9._/-]*`, at most 128 characters, no empty, `.` or `..` segment: what a request's path can spell. */
export type PolicyName = string & { readonly [policyName]: true };

const longestName = 128;

/**
 * Lower-cases A to Z, once, and then only validates: whatever is compared with a reserved name has already its final form. Nothing
 * is trimmed, and other alphabets' letters that fold to ASCII are refused. Throws `invalid_request`.
 */
export function parsePolicyName(text: string): PolicyName {
  if (text === '' || text.length > longestName) {
    throw new CofferError(
      'invalid_request',
      `a policy's name has 1 to ${longestName} characters, not ${text.length}`,
    );
  }
  const name = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (!/^[a-z0-9][a-z0-9._/-]*$/.test(name)) {
    throw new CofferError(
      'invalid_request',
      `${quote(text)} is not a policy's name: it begins with a letter a–z or a digit, and letters, digits, ".", "_", "/" and "-" follow`,
    );
  }
  if (name.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new CofferError(
      'invalid_request',
      `${quote(text)} is not a policy's name: a part between "/" is empty, "." or ".."`,
    );
  }
  return name as PolicyName;
}

/** The name of a policy whose text is to be written or deleted. Throws `invalid_request`, also for reserved names. */
export function parseWritablePolicyName(text: string): PolicyName {
  const name = parsePolicyName(text);
  if (isReserved(name)) {
    throw new CofferError('invalid_request', `policy ${quote(name)} is built in and cannot be changed`);
  }
  return name;
}

/** `root` and `response-wrapping`: neither written nor assigned by anyone. */
export function isReserved(name: PolicyName): boolean {
  return name === rootPolicyName || name === responseWrappingPolicyName;
}

/** Reserved policies and `default` cannot be deleted. */
export function isDeletable(name: PolicyName): boolean {
  return !isReserved(name) && name !== defaultPolicyName;
}
