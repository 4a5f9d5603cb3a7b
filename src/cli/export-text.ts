/** What `export` writes, piece by piece as secrets come. */
import type { FlatFormat, NamedSecret, SecretFormat, TreeFormat } from './format/format.ts';
import { isFolder, parseFolder } from './secret-name.ts';
import { Variables, type VariableWishes } from './variables.ts';

export interface ExportWishes extends VariableWishes {
  /** As named on the command line. */
  readonly words: readonly string[];
  /** Called for each field that is written as JSON text, because the format knows nothing but text. */
  readonly flattened: (field: string) => void;
}

/** Rejects with what a format or a variable cannot be; the pieces before are part of a text, then. */
export function exportText(
  format: SecretFormat,
  secrets: AsyncIterable<NamedSecret>,
  wishes: ExportWishes,
): AsyncGenerator<string> {
  const [word = ''] = wishes.words;
  const isSingle = wishes.words.length === 1 && !isFolder(word);
  if (format.kind === 'flat') return flatText(format, secrets, wishes, !isSingle);
  if (isSingle) return single(format, secrets);
  // One folder's names stand as below it, so that they can go below another.
  const folder = wishes.words.length === 1 ? parseFolder(word) : '';
  return treeText(format, secrets, folder === '' ? 0 : folder.length + 1);
}

async function* flatText(
  format: FlatFormat,
  secrets: AsyncIterable<NamedSecret>,
  wishes: ExportWishes,
  nameBare: boolean,
): AsyncGenerator<string> {
  const variables = new Variables(wishes, nameBare);
  for await (const secret of secrets) {
    const fields = variables.of(secret);
    for (const { name, value } of fields) {
      if (!format.exact && typeof value !== 'string') wishes.flattened(name);
    }
    if (fields.length > 0) yield format.encode(fields);
  }
  variables.end();
}

/** What a text of none is says that there is none: with `--partial` even the only one may be left out. */
async function* single(format: TreeFormat, secrets: AsyncIterable<NamedSecret>): AsyncGenerator<string> {
  let isEmpty = true;
  for await (const secret of secrets) {
    isEmpty = false;
    yield format.encodeOne(secret);
  }
  if (isEmpty) yield format.series().end();
}

async function* treeText(
  format: TreeFormat,
  secrets: AsyncIterable<NamedSecret>,
  start: number,
): AsyncGenerator<string> {
  const series = format.series();
  for await (const { name, data } of secrets) yield series.piece({ name: name.slice(start), data });
  yield series.end();
}
