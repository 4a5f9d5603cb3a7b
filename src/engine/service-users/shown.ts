/** What several endpoints show alike. */
import type { ResponseField } from '../../core/endpoint.ts';
import type { JsonObject } from '../../json.ts';
import type { Scope } from '../../service-user/provider.ts';

/** RFC 3339, or null. @param at milliseconds */
export function timeOrNull(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

export function shownScopes(scopes: readonly Scope[]): readonly JsonObject[] {
  return scopes.map(({ resourceType, id }) => ({ resource_type_id: resourceType, scope_id: id }));
}

export const scopesSchema = {
  type: 'list',
  help: 'Sorted.',
  items: { resource_type_id: { type: 'string', help: 'May be empty.' }, scope_id: { type: 'string' } },
} as const satisfies ResponseField;

export const clustersSchema = {
  type: 'list',
  help: 'Kept for clients of mint’s API.',
} as const satisfies ResponseField;
