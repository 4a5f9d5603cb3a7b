/** What an endpoint answered, as a command prints it. */
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import type { Ui } from './ui.ts';

/** Names and values, or with `field` that value alone. Throws `not_found` for a field that is not there. */
export function printData(ui: Ui, data: JsonObject, field?: string): void {
  if (field !== undefined) {
    printField(ui, data, field);
    return;
  }
  ui.record(
    Object.entries(data).map(([name, value]) => [name, cellText(value)]),
    data,
  );
}

/** One value, found by names joined with dots (`data.role_id`, `data.keys.0`): a text as it is, anything else as JSON. */
export function printField(ui: Ui, document: JsonValue | undefined, field: string): void {
  const value = pick(document, field);
  if (ui.format === 'json' || typeof value === 'object') ui.json(value);
  else ui.text(String(value));
}

/** Warnings that came with an answer. */
export function showWarnings(ui: Ui, body: JsonValue | undefined): void {
  const warnings = isJsonObject(body) ? body['warnings'] : undefined;
  if (!Array.isArray(warnings)) return;
  for (const warning of warnings) if (typeof warning === 'string') ui.warn(warning);
}

/** A value in a table's cell. */
export function cellText(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value.join(', ');
  return JSON.stringify(value);
}

function pick(document: JsonValue | undefined, field: string): JsonValue {
  let value: JsonValue | undefined = document;
  for (const name of field.split('.')) value = member(value, name);
  if (value === undefined) {
    const known = isJsonObject(document) ? Object.keys(document).join(', ') : '';
    throw new CofferError(
      'not_found',
      `the answer has no such field${known === '' ? '' : `; it has: ${known}`}`,
    );
  }
  return value;
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  if (Array.isArray(value)) return /^\d{1,9}$/.test(name) ? value[Number(name)] : undefined;
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
