/**
 * Names of secrets in a table, as LIST and SCAN answer them, in the order of their UTF-8 bytes. DynamoDB has no list of names: each
 * goes through the whole table once, whatever it shows of it.
 */
import type { Reply } from '../../core/endpoint.ts';
import { checkAfter, type ListWish } from '../../core/list-page.ts';
import { latestHeads } from '../../credstash/read-all.ts';
import type { SecretTable } from '../../credstash/secret-table.ts';
import { compareText } from '../../credstash/version.ts';

/** @param folder empty, or with a `/` at its end */
export async function listNames(
  table: SecretTable,
  folder: string,
  deep: boolean,
  wish: ListWish,
): Promise<Reply> {
  checkAfter(wish.after);
  const { after = '', limit = 0 } = wish;
  const found = new Set<string>();
  let strange = 0;
  for (const { name } of await latestHeads(table, (each) => each.startsWith(folder))) {
    const rest = name.slice(folder.length);
    if (!isReachable(name)) strange++;
    else found.add(deep ? rest : rest.replace(/\/.*$/s, '/'));
  }
  const behind = [...found]
    .toSorted(compareText)
    .filter((name) => after === '' || compareText(name, after) > 0);
  const keys = limit > 0 ? behind.slice(0, limit) : behind;
  return { data: { keys }, ...(strange === 0 ? {} : { warnings: [hidden(strange)] }) };
}

/** Whether a request's path can name it; old programs take any text for a name. */
function isReachable(name: string): boolean {
  return (
    name.isWellFormed() &&
    !/[\p{Cc}\\\u2028\u2029]/u.test(name) &&
    name.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..')
  );
}

function hidden(count: number): string {
  const names = count === 1 ? 'one name is' : `${count} names are`;
  return `${names} left out: they cannot be paths; \`coffer list --safe credstash://…\` shows them`;
}
