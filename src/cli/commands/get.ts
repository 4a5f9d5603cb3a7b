import { CofferError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../json.ts';
import { bareValue, decodeValue, type Value } from '../../secret-value.ts';
import { defineCommand } from '../command.ts';
import { openSafe } from '../context.ts';
import { fieldOption, safeOptions } from '../options.ts';
import { writePrivateFile } from '../private-file.ts';
import type { Ui } from '../ui.ts';

export const command = defineCommand({
  summary: 'Print a secret',
  details: [
    'A bare value is printed as it is, and so is the field that --field picks; several fields are printed as ' +
      'names and values. --format json prints the map of fields as it is stored, where bytes that are no text ' +
      'are a data URL in base64.',
  ],
  operands: { NAME: 'one' },
  options: {
    ...fieldOption,
    version: { type: 'integer', value: 'N', help: 'an earlier version' },
    output: {
      type: 'text',
      short: 'o',
      value: 'FILE',
      help: 'write to FILE, for its owner only, in place of printing',
    },
    ...safeOptions,
  },
  examples: [
    'coffer get db --field password',
    'coffer get tls/key --output key.pem',
    'coffer get db --format json',
  ],
  async run({ options, operands }, shell) {
    const safe = await openSafe(shell, options);
    const { data: secret } = await safe.read(operands.NAME, options.version);
    const picked = options.field === undefined ? bareValue(secret) : fieldOf(secret, options.field);
    if (options.output !== undefined) {
      writePrivateFile(options.output, fileContents(shell.ui, secret, picked));
      shell.ui.done(`${operands.NAME}: written to ${options.output}`, {
        name: operands.NAME,
        output: options.output,
      });
    } else if (shell.ui.format === 'json') {
      shell.ui.json(options.field === undefined ? secret : (picked ?? null));
    } else if (picked === undefined) {
      printFields(shell.ui, secret);
    } else {
      printValue(shell.ui, decodeValue(picked));
    }
  },
});

function fieldOf(secret: JsonObject, field: string): JsonValue {
  const value = Object.hasOwn(secret, field) ? secret[field] : undefined;
  if (value !== undefined) return value;
  throw new CofferError(
    'not_found',
    `the secret has no such field; it has: ${Object.keys(secret).join(', ') || 'none'}`,
  );
}

function printValue(ui: Ui, value: Value): void {
  if (value.kind !== 'binary') {
    ui.text(value.text);
  } else if (ui.terminal) {
    throw new CofferError(
      'usage',
      'the value is not text; write it with --output FILE, or send it through a pipe',
    );
  } else {
    ui.bytes(value.bytes);
  }
}

function printFields(ui: Ui, secret: JsonObject): void {
  const entries = Object.entries(secret).map(([name, stored]): [string, string] => {
    const value = decodeValue(stored);
    return [
      name,
      value.kind === 'binary' ? `(${value.bytes.length} bytes; see --field and --output)` : value.text,
    ];
  });
  ui.record(entries, secret);
}

function fileContents(ui: Ui, secret: JsonObject, picked: JsonValue | undefined): Uint8Array | string {
  if (picked === undefined || ui.format === 'json') return `${JSON.stringify(picked ?? secret, null, 2)}\n`;
  const value = decodeValue(picked);
  return value.kind === 'binary' ? value.bytes : value.text;
}
