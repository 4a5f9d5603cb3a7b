/** Lists of names. */
import { isJsonObject, type JsonValue } from '../../json.ts';
import { sayNothingFound } from './absent.ts';
import { goValue } from './go-text.ts';
import type { Output } from './output.ts';
import { dataOf, printWarnings, secretOf } from './secret.ts';

/** Prints the keys of a list's answer; answers the exit code. */
export async function printKeys(
  output: Output,
  body: JsonValue | undefined,
  path: string,
  detailed = false,
): Promise<number> {
  const secret = secretOf(body);
  const { keys, key_info: info } = dataOf(secret);
  if (!Array.isArray(keys) || keys.length === 0) {
    if (output.format !== 'table') await output.document({}, () => undefined);
    return sayNothingFound(output, path);
  }
  const names = keys.map(String);
  await output.document(detailed ? dataOf(secret) : names, () =>
    output.rows(
      detailed && isJsonObject(info)
        ? [['Keys', 'Details'], ...names.map((name) => [name, goValue(info[name])])]
        : [['Keys'], ...names.map((name) => [name])],
    ),
  );
  printWarnings(output, secret);
  return 0;
}
