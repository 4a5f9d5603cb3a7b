/** What every verb of `coffer sts` is told: by a flag, else by the variable that the program `sts` took it from. */
import { CofferError } from '../../errors.ts';
import type { Options } from '../command.ts';
import { serverOptions } from '../options.ts';
import { type Environment, variable } from '../shell.ts';

export const personOptions = {
  issuer: { type: 'text', value: 'NAME', help: 'the group that the account is in (STS_ISSUER)' },
  'account-name': { type: 'text', value: 'NAME', help: 'the account (STS_ACCOUNT_NAME)' },
} as const satisfies Options;

/** Where people with codes and their AWS roles live on the server. */
export const mountOptions = {
  path: { type: 'text', value: 'PATH', help: 'where the auth method totp is enabled (totp)' },
  'aws-path': { type: 'text', value: 'PATH', help: 'where the engine aws is enabled (aws)' },
} as const satisfies Options;

/** Taken because scripts give them, and without effect: there is no table to reach, and what is said is not levelled. */
export const formerOptions = {
  'table-name': { type: 'text', value: 'NAME', help: 'of the old program; the server has its own store' },
  'log-level': { type: 'text', value: 'LEVEL', help: 'of the old program; without effect' },
} as const satisfies Options;

export const commonStsOptions = { ...personOptions, ...mountOptions, ...formerOptions, ...serverOptions };

export interface Person {
  readonly issuer: string;
  readonly account: string;
}

/** A flag, else the variable. */
export function setting(given: string | undefined, env: Environment, name: string): string | undefined {
  return given === undefined || given === '' ? variable(env, name) : given;
}

/** As the old program takes lists of its environment: words with white space between them. */
export function listSetting(
  given: readonly string[],
  env: Environment,
  name: string,
): readonly string[] | undefined {
  if (given.length > 0) return given;
  const text = variable(env, name);
  return text === undefined ? undefined : text.split(/\s+/).filter((word) => word !== '');
}

/** Throws `usage` where either is missing, or is no segment of a path. */
export function personOf(
  options: { readonly issuer: string | undefined; readonly 'account-name': string | undefined },
  env: Environment,
): Person {
  const issuer = setting(options.issuer, env, 'STS_ISSUER');
  const account = setting(options['account-name'], env, 'STS_ACCOUNT_NAME');
  if (issuer === undefined) throw new CofferError('usage', '--issuer is missing, or STS_ISSUER');
  if (account === undefined) throw new CofferError('usage', '--account-name is missing, or STS_ACCOUNT_NAME');
  return { issuer: segment(issuer, '--issuer'), account: segment(account, '--account-name') };
}

/** One segment of a path. Throws `usage`. */
export function segment(text: string, what: string): string {
  if (text === '.' || text === '..' || /[/\\\p{Cc}]/u.test(text) || text.length > 200)
    throw new CofferError(
      'usage',
      `${what} is a name of at most 200 characters, without slashes and control characters`,
    );
  return text;
}

/** A mount's path as it stands in front of others. */
export function mountPath(given: string | undefined, usual: string): string {
  const path = (given ?? usual).replace(/^\/+|\/+$/g, '');
  if (path === '') throw new CofferError('usage', 'the path of a mount is not empty');
  return path;
}
