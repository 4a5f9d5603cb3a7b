/** What changes from one map of fields to another, by name. */
import type { JsonObject } from '../json.ts';
import { sameJson } from './same-json.ts';

export interface FieldChange {
  readonly kind: 'added' | 'removed' | 'changed';
  readonly field: string;
}

/** In the order of the old fields, then of the new ones. */
export function fieldChanges(from: JsonObject, to: JsonObject): readonly FieldChange[] {
  const changes: FieldChange[] = [];
  for (const [field, value] of Object.entries(from)) {
    if (!Object.hasOwn(to, field)) changes.push({ kind: 'removed', field });
    else if (!sameJson(value, to[field])) changes.push({ kind: 'changed', field });
  }
  for (const field of Object.keys(to)) {
    if (!Object.hasOwn(from, field)) changes.push({ kind: 'added', field });
  }
  return changes;
}

export const changeSigns = { added: '+', removed: '-', changed: '~' } as const;
