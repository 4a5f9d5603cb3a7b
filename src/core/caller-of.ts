/** What engines and endpoints are told of whoever calls. */
import type { Caller } from './endpoint.ts';
import { loginMetadata } from './policy/template.ts';
import type { ReadToken } from './token/reader.ts';
import { principalOf } from './token/record.ts';

const noMetadata: Readonly<Record<string, string>> = {};
const noGroups: Caller['groups'] = [];

/** Undefined for a request without a token that is good. */
export function callerOf(token: ReadToken | undefined): Caller | undefined {
  if (token === undefined) return undefined;
  return {
    policies: token.policies,
    displayName: token.record.displayName,
    accessor: token.record.accessor,
    entityId: token.identity?.entity.id ?? '',
    groups: token.identity?.groups ?? noGroups,
    // What its maker chose to say of a token that no login made proves nothing.
    metadata: loginMetadata(token.record) ?? noMetadata,
    principal: principalOf(token.record),
  };
}
