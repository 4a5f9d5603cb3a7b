/** The environment of a program that is started with secrets. */
import { CofferError } from '../errors.ts';
import { type Field, flatText } from './format/format.ts';
import type { Environment } from './shell.ts';

/** What proves who we are; the program is somebody else. */
const ownCredentials = /^(COFFER|VAULT)_(\w+_)?(TOKEN|SECRET_ID|PASSWORD|UNSEAL_KEY)$/;

export interface EnvironmentWishes {
  /** Nothing is inherited. */
  readonly pristine: boolean;
  readonly keepToken: boolean;
}

/** Throws `usage` for a value that no environment can hold; the value is not repeated. */
export function childEnvironment(
  secrets: readonly Field[],
  parent: Environment,
  { pristine, keepToken }: EnvironmentWishes,
): Readonly<Record<string, string>> {
  const env: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(parent)) {
    const kept = ownCredentials.test(name) ? keepToken : !pristine;
    if (kept && value !== undefined) env[name] = value;
  }
  for (const { name, value } of secrets) {
    const text = flatText(value);
    if (text.includes('\0')) throw refused(name, 'a NUL character');
    if (!text.isWellFormed()) throw refused(name, 'what is not valid Unicode text');
    env[name] = text;
  }
  return env;
}

function refused(name: string, what: string): CofferError {
  return new CofferError('usage', `${name} has ${what}, which no environment can hold; --only leaves it out`);
}
