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
export function openTableSafe(
  shell: Pick<Shell, 'env' | 'now'>,
  text: string,
  context: readonly string[],
): SecretSafe {
  const { table } = openTable(parseTableAddress(text), context, { env: shell.env, now: shell.now });
  return new TableSafe(table, [text, ...context, ...surroundings(shell)]);
}

/** What decides, besides the address, which account and region a table's name is looked for in. */
const deciding = [
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_ROLE_ARN',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_DYNAMODB',
];

function surroundings({ env }: Pick<Shell, 'env'>): readonly string[] {
  // A user's key is that user's for long; one of a session is another each hour, and says nothing that the rest does not.
  const key = env['AWS_ACCESS_KEY_ID'] ?? '';
  const said = deciding.map((name): readonly [string, string] => [name, env[name] ?? '']);
  const user: readonly [string, string] = ['user', key.startsWith('AKIA') ? key : ''];
  return [...said, user].filter(([, value]) => value !== '').map((pair) => JSON.stringify(pair));
}
