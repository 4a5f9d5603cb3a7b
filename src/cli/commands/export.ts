import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import type { NamedSecret, SecretFormat } from '../format/format.ts';
import { formatNames, formatOfFile, isFormatName, loadFormat } from '../format/formats.ts';
import { partialOption, safeOptions } from '../options.ts';
import { partly } from '../partly.ts';
import { writePrivateFile } from '../private-file.ts';
import { readSecrets } from '../read-secrets.ts';
import { isFolder, parseFolder } from '../secret-name.ts';
import type { Shell } from '../shell.ts';
import { type VariableWishes, variableOptions, variablesOf } from '../variables.ts';

export const command = defineCommand({
  summary: 'Print secrets in a format of other programs',
  details: [
    'NAME is one secret, NAME/ all below it. dotenv, shell and tfvars are one list of variables: fields have their ' +
      'own names, and where several secrets come together a bare value is named for its secret. json, yaml and ' +
      'k8s keep several secrets apart by name.',
    'What a format cannot carry is refused, never changed. Bytes that are no text are a data URL in base64 (in k8s ' +
      'they are themselves), and numbers, lists and maps are JSON text in dotenv and shell.',
  ],
  operands: { NAME: 'some' },
  options: {
    as: { type: 'text', value: 'FORMAT', choices: formatNames, help: formatNames.join(', ') },
    ...variableOptions,
    output: { type: 'text', short: 'o', value: 'FILE', help: 'write to FILE, for its owner only' },
    ...partialOption,
    ...safeOptions,
  },
  examples: [
    'coffer export shop/db --as dotenv --output .env',
    'eval "$(coffer export shop/db --as shell)"',
    'coffer export shop/ --as k8s | kubectl apply -f -',
  ],
  async run({ options, operands }, shell) {
    const name =
      options.as ?? formatOfFile(options.output ?? '') ?? (shell.ui.format === 'json' ? 'json' : undefined);
    if (!isFormatName(name)) throw usageError('export', `--as is missing: ${formatNames.join(', ')}`);
    const format = await loadFormat(name);
    if (
      format.kind === 'tree' &&
      (options.only.length > 0 || options.prefix !== undefined || options.upper)
    ) {
      throw usageError(
        'export',
        `--only, --prefix and --upper go with dotenv, shell and tfvars, not with ${name}`,
      );
    }
    const safe = await openSafe(shell, options);
    const secrets = await readSecrets(safe, operands.NAME, options.partial ? partly(shell) : undefined);
    const text = encode(shell, format, operands.NAME, secrets, options);
    if (options.output === undefined) return shell.ui.text(text);
    writePrivateFile(options.output, text);
    const count = secrets.length === 1 ? 'one secret' : `${secrets.length} secrets`;
    shell.ui.done(`${count} written to ${options.output}`, {
      secrets: secrets.length,
      output: options.output,
    });
  },
});

function encode(
  shell: Shell,
  format: SecretFormat,
  words: readonly string[],
  secrets: readonly NamedSecret[],
  wishes: VariableWishes,
): string {
  const [word = ''] = words;
  const single = words.length === 1 && !isFolder(word);
  const [first] = secrets;
  if (format.kind === 'flat') {
    const fields = variablesOf(secrets, wishes, !single);
    const others = fields.filter(({ value }) => typeof value !== 'string').map(({ name }) => name);
    if (others.length > 0 && !format.exact) {
      shell.ui.warn(`written as JSON text, for they are none: ${others.join(', ')}`);
    }
    return format.encode(fields);
  }
  if (single && first !== undefined) return format.encodeOne(first);
  // One folder's names stand as below it, so that they can go below another.
  const folder = words.length === 1 ? parseFolder(word) : '';
  const start = folder === '' ? 0 : folder.length + 1;
  return format.encodeMany(secrets.map(({ name, data }) => ({ name: name.slice(start), data })));
}
