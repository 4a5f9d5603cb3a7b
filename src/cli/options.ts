/** Options that several commands share. */
import type { Options } from './command.ts';

/** Of every command that speaks to a server. */
export const serverOptions = {
  address: {
    type: 'text',
    value: 'URL',
    help: 'the server (COFFER_ADDR, VAULT_ADDR; http://127.0.0.1:8200)',
  },
  namespace: { type: 'text', value: 'PATH', help: 'namespace (COFFER_NAMESPACE, VAULT_NAMESPACE)' },
  'token-file': {
    type: 'text',
    value: 'FILE',
    help: 'take the token from FILE or - (COFFER_TOKEN, VAULT_TOKEN)',
  },
  'ca-cert': {
    type: 'text',
    value: 'FILE',
    help: 'PEM certificates to trust (COFFER_CACERT, VAULT_CACERT)',
  },
  'client-cert': {
    type: 'text',
    value: 'FILE',
    help: 'PEM certificate to show (COFFER_CLIENT_CERT, VAULT_CLIENT_CERT)',
  },
  'client-key': { type: 'text', value: 'FILE', help: 'its key (COFFER_CLIENT_KEY, VAULT_CLIENT_KEY)' },
  'tls-server-name': {
    type: 'text',
    value: 'NAME',
    help: "name in the server's certificate (COFFER_TLS_SERVER_NAME, VAULT_TLS_SERVER_NAME)",
  },
} as const satisfies Options;

/** What opens a safe on disk. */
const fileSafeOptions = {
  keyfile: { type: 'text', value: 'FILE', help: 'opens a file: safe (COFFER_SAFE_KEYFILE)' },
  'passphrase-file': {
    type: 'text',
    value: 'FILE',
    help: "a file: safe's passphrase is in FILE or - (COFFER_SAFE_PASSPHRASE_FILE)",
  },
} as const satisfies Options;

/** Of the commands that read and write secrets. */
export const safeOptions = {
  safe: {
    type: 'text',
    value: 'URL',
    help: 'where secrets are: a mount, its URL, credstash://TABLE or file:PATH (COFFER_SAFE)',
  },
  context: {
    type: 'list',
    value: 'KEY=VALUE',
    help: 'of the encryption context, for credstash://; may be repeated',
  },
  ...fileSafeOptions,
  ...serverOptions,
} as const satisfies Options;

export const fieldOption = {
  field: { type: 'text', short: 'f', value: 'NAME', help: 'print this field alone, as it is' },
} as const satisfies Options;

export const yesOption = {
  yes: { type: 'flag', short: 'y', help: 'do not ask' },
} as const satisfies Options;

export const partialOption = {
  partial: { type: 'flag', help: 'leave out what may not be read or does not open, and name it' },
} as const satisfies Options;
