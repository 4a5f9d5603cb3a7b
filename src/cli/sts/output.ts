/** Credentials as shells and programs take them up. */
import { type Credentials, variablesOf } from './credentials.ts';

export const outputNames = ['export', 'text', 'json', 'fish', 'powershell', 'credential_process'] as const;
export type OutputName = (typeof outputNames)[number];

export function isOutputName(name: string): name is OutputName {
  return outputNames.some((each) => each === name);
}

/** Whole lines. */
export function printed(credentials: Credentials, name: OutputName): string {
  if (name === 'json' || name === 'credential_process')
    return `${JSON.stringify(document(credentials), null, 2)}\n`;
  return variablesOf(credentials)
    .map(([variable, value]) => `${lines[name](variable, value)}\n`)
    .join('');
}

const lines = {
  export: posix,
  text: posix,
  fish: (name, value) => `set -gx ${name} ${quoted(value)};`,
  powershell: (name, value) => `$Env:${name} = '${value.replaceAll("'", "''")}'`,
} satisfies Record<
  Exclude<OutputName, 'json' | 'credential_process'>,
  (name: string, value: string) => string
>;

/** Bare as the old program has it, where a shell takes the value as it is. */
function posix(name: string, value: string): string {
  return `export ${name}=${/^[\w+=,.@:/-]+$/.test(value) ? value : quoted(value)}`;
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** As the setting `credential_process` of the AWS SDKs reads it: version 1. */
function document({ accessKeyId, secretAccessKey, sessionToken, expiration }: Credentials) {
  return {
    Version: 1,
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    ...(expiration === undefined ? {} : { Expiration: new Date(expiration).toISOString() }),
  };
}
