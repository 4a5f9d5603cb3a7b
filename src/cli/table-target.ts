/** Which table a command is about that is no verb on secrets. */
import { parseTableAddress, type TableAddress } from '../credstash/table-address.ts';
import { CofferError } from '../errors.ts';
import type { Options } from './command.ts';
import { resolveTarget } from './context.ts';
import type { Shell } from './shell.ts';
import { readUserFile } from './user-file.ts';

export const tableOptions = {
  safe: {
    type: 'text',
    value: 'URL',
    help: 'the table: credstash://TABLE?region=R&key=alias/K (COFFER_SAFE)',
  },
} as const satisfies Options;

const noServer = { address: undefined, namespace: undefined, 'token-file': undefined, 'ca-cert': undefined };

/** Throws `usage` where the safe is none, or is not one of these. */
export function tableTarget(shell: Shell, { safe }: { readonly safe: string | undefined }): TableAddress {
  const { table } = resolveTarget({ ...noServer, safe }, shell.env, readUserFile(shell.places.cliFile));
  if (table !== undefined) return parseTableAddress(table);
  throw new CofferError(
    'usage',
    'name the table: --safe credstash://TABLE?region=…&key=alias/… (or COFFER_SAFE)',
  );
}
