/** A table of KMS and DynamoDB, opened for the verbs. Loaded only where the safe is one. */
import { openTable } from '../credstash/open-table.ts';
import { parseTableAddress } from '../credstash/table-address.ts';
import type { SecretSafe } from './secret-safe.ts';
import type { Shell } from './shell.ts';
import { TableSafe } from './table-safe.ts';

/**
 * @param text `credstash://TABLE?…`
 * @param context words of `--context`
 * @throws `usage` for an address or a context that cannot be
 */
export function openTableSafe(shell: Shell, text: string, context: readonly string[]): SecretSafe {
  const { table } = openTable(parseTableAddress(text), context, { env: shell.env, now: shell.now });
  return new TableSafe(table, [text, ...context]);
}
