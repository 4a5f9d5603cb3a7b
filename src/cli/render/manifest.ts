/** Manifests: lists of what is rendered to where, in JSON or YAML. */
import { resolve } from 'node:path';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { suggest } from '../../suggest.ts';
import { checkMode, parseMode } from './mode.ts';
import type { Order } from './order.ts';
import { parseOwner } from './owner.ts';

const members = ['source', 'secret', 'field', 'destination', 'mode', 'owner', 'group'];
const mostEntries = 1_000;

/** Throws `invalid_request` naming the entry, counted from 1, and what is wrong with it. */
export function parseManifest(document: JsonValue, follow: boolean): readonly Order[] {
  if (!Array.isArray(document) || document.length === 0) {
    throw new CofferError(
      'invalid_request',
      'a manifest must be a list of entries with source and destination',
    );
  }
  if (document.length > mostEntries)
    throw new CofferError('invalid_request', `a manifest has at most ${mostEntries} entries`);
  const entries: readonly JsonValue[] = document;
  const orders = entries.map((entry, index) => labelled(index, () => parseEntry(entry, follow)));
  const taken = new Set<string>();
  for (const [index, { destination }] of orders.entries()) {
    const path = resolve(destination?.path ?? '');
    if (taken.has(path))
      throw new CofferError(
        'invalid_request',
        `entry ${index + 1}: ${path} is another entry's destination too`,
      );
    taken.add(path);
  }
  return orders;
}

function labelled<T>(index: number, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof CofferError)
      throw new CofferError('invalid_request', `entry ${index + 1}: ${error.message}`);
    throw error;
  }
}

function parseEntry(entry: JsonValue, follow: boolean): Order {
  if (!isJsonObject(entry)) throw new CofferError('invalid_request', 'an entry must be a map');
  for (const name of Object.keys(entry)) {
    if (members.includes(name)) continue;
    const near = suggest(name, members);
    const hint = near === undefined ? `known are ${members.join(', ')}` : `did you mean "${near}"?`;
    throw new CofferError('invalid_request', `"${name.slice(0, 60)}" is unknown; ${hint}`);
  }
  const mode = entry['mode'] ?? null;
  return {
    what: sourceOf(entry),
    destination: {
      path: required(entry, 'destination'),
      mode: mode === null ? undefined : modeOf(mode),
      owner: ownerOf(entry, 'owner'),
      group: ownerOf(entry, 'group'),
      follow,
    },
  };
}

function sourceOf(entry: JsonObject): Order['what'] {
  const [source, secret, field] = [text(entry, 'source'), text(entry, 'secret'), text(entry, 'field')];
  if ((source === undefined) === (secret === undefined)) {
    throw new CofferError(
      'invalid_request',
      'an entry must have "source", a template, or "secret", a name, and not both',
    );
  }
  if (secret !== undefined) return { kind: 'secret', name: secret, field };
  if (field !== undefined) throw new CofferError('invalid_request', '"field" goes with "secret"');
  return { kind: 'template', file: source ?? '' };
}

function text(entry: JsonObject, name: string): string | undefined {
  const value = entry[name] ?? null;
  if (value === null) return undefined;
  if (typeof value !== 'string' || value === '')
    throw new CofferError('invalid_request', `"${name}" must be text`);
  return value;
}

function required(entry: JsonObject, name: string): string {
  const value = text(entry, name);
  if (value === undefined || value === '-')
    throw new CofferError('invalid_request', `"${name}" must be the name of a file`);
  return value;
}

function modeOf(value: JsonValue): number {
  if (typeof value === 'string') return parseMode(value);
  if (typeof value === 'number') return checkMode(value);
  throw new CofferError('invalid_request', '"mode" must be text such as "0640", or a number');
}

function ownerOf(entry: JsonObject, kind: 'owner' | 'group'): number | undefined {
  const value = entry[kind] ?? null;
  if (value === null) return undefined;
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw new CofferError('invalid_request', `"${kind}" must be a name or a number`);
  }
  return parseOwner(kind, String(value));
}
