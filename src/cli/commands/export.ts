import { usageError } from '../args.ts';
import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { exportText } from '../export-text.ts';
import { formatNames, formatOfFile, isFormatName, loadFormat } from '../format/formats.ts';
import { partialOption, safeOptions } from '../options.ts';
import { partly } from '../partly.ts';
import { streamPrivateFile } from '../private-file.ts';
import { eachSecret } from '../read-secrets.ts';
import { variableOptions } from '../variables.ts';

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
    const flattened: string[] = [];
    let count = 0;
    const secrets = counted(
      eachSecret(safe, operands.NAME, options.partial ? partly(shell) : undefined),
      () => count++,
    );
    const text = exportText(format, secrets, {
      ...options,
      words: operands.NAME,
      flattened: (name) => flattened.push(name),
    });
    if (options.output !== undefined) await streamPrivateFile(options.output, text);
    else if (options.partial) await shell.ui.pieces(text);
    // Nobody shall take a part for all: nothing is printed before the last secret has come.
    else await shell.ui.pieces(await held(text));
    if (flattened.length > 0) {
      shell.ui.warn(`written as JSON text, for they are none: ${flattened.join(', ')}`);
    }
    if (options.output === undefined) return;
    shell.ui.done(`${count === 1 ? 'one secret' : `${count} secrets`} written to ${options.output}`, {
      secrets: count,
      output: options.output,
    });
  },
});

async function* counted<T>(items: AsyncIterable<T>, count: () => void): AsyncGenerator<T> {
  for await (const item of items) {
    count();
    yield item;
  }
}

/** The text alone, as bytes beside the heap: of the secrets nothing stays. */
async function held(text: AsyncIterable<string>): Promise<Iterable<string>> {
  const pieces: Buffer[] = [];
  for await (const piece of text) pieces.push(Buffer.from(piece));
  return (function* () {
    for (const piece of pieces) yield piece.toString();
  })();
}
