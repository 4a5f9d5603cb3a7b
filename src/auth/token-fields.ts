/** The fields that every auth method's roles share: what a login's token is to be like. */

import type { Fields, FieldValues, ResponseSchema } from '../core/endpoint.ts';
import { parseNetwork } from '../core/network.ts';
import type { ReadPage } from '../core/pages.ts';
import { parseAssignablePolicies } from '../core/policy/assignable.ts';
import { decodeStored } from '../core/stored-json.ts';
import type { View } from '../core/view.ts';
import type { PolicyHolder } from '../engine/engine.ts';
import { CofferError } from '../errors.ts';
import type { JsonObject, JsonValue } from '../json.ts';

export const tokenFields = {
  token_policies: { type: 'list', help: 'Policies of the token.', aliases: ['policies'] },
  token_ttl: { type: 'duration', help: 'Life of the token; 0 is the mount’s.' },
  token_max_ttl: { type: 'duration', help: 'Longest life, renewals included; 0 is the mount’s.' },
  token_explicit_max_ttl: { type: 'duration', help: 'Longest life, also of periodic tokens.' },
  token_period: { type: 'duration', help: 'Life granted at each renewal, without end.', aliases: ['period'] },
  token_num_uses: { type: 'int', help: 'Requests the token is good for; 0 is any number.' },
  token_no_default_policy: { type: 'bool', help: 'Leave the policy "default" out.' },
  token_bound_cidrs: { type: 'list', help: 'Networks the token may be used from.' },
  token_type: {
    type: 'string',
    help: 'service, batch, default-service, default-batch, or default: as the mount has it.',
  },
} as const satisfies Fields;

const tokenTypes = ['default', 'service', 'batch', 'default-service', 'default-batch'] as const;

export interface TokenSettings {
  readonly policies: readonly string[];
  /** Seconds; 0 is the mount's. */
  readonly ttl: number;
  readonly maxTtl: number;
  readonly explicitMaxTtl: number;
  readonly period: number;
  readonly numUses: number;
  readonly noDefaultPolicy: boolean;
  readonly boundCidrs: readonly string[];
  /** Absent is `default`: as the mount has it. A mount that is tuned to one kind wins over each of them. */
  readonly type?: (typeof tokenTypes)[number];
}

export const noTokenSettings: TokenSettings = {
  policies: [],
  ttl: 0,
  maxTtl: 0,
  explicitMaxTtl: 0,
  period: 0,
  numUses: 0,
  noDefaultPolicy: false,
  boundCidrs: [],
};

/** The settings with what was sent put over them. Throws `invalid_request`. */
export function readTokenSettings(
  sent: Partial<FieldValues<typeof tokenFields>>,
  before: TokenSettings,
): TokenSettings {
  const type = sent.token_type === undefined ? before.type : parseTokenType(sent.token_type);
  const settings: TokenSettings = {
    policies:
      sent.token_policies === undefined
        ? before.policies
        : parseAssignablePolicies(sent.token_policies, { root: false }),
    ttl: sent.token_ttl ?? before.ttl,
    maxTtl: sent.token_max_ttl ?? before.maxTtl,
    explicitMaxTtl: sent.token_explicit_max_ttl ?? before.explicitMaxTtl,
    period: sent.token_period ?? before.period,
    numUses: sent.token_num_uses ?? before.numUses,
    noDefaultPolicy: sent.token_no_default_policy ?? before.noDefaultPolicy,
    boundCidrs:
      sent.token_bound_cidrs === undefined ? before.boundCidrs : sent.token_bound_cidrs.map(parseNetwork),
    ...(type === undefined ? {} : { type }),
  };
  checkBatch(settings);
  if (settings.numUses < 0) throw new CofferError('invalid_request', 'token_num_uses cannot be negative');
  if (settings.maxTtl > 0 && settings.ttl > settings.maxTtl) {
    throw new CofferError('invalid_request', 'token_ttl cannot be greater than token_max_ttl');
  }
  return settings;
}

function parseTokenType(text: string): (typeof tokenTypes)[number] {
  const type = text === '' ? 'default' : tokenTypes.find((one) => one === text);
  if (type !== undefined) return type;
  throw new CofferError('invalid_request', `invalid 'token_type': it is one of ${tokenTypes.join(', ')}`);
}

/** A batch token has no record in which its uses could be counted or its life be prolonged. */
function checkBatch(settings: TokenSettings): void {
  if (wantedTokenType(settings) !== 'batch') return;
  const what =
    settings.period > 0
      ? 'periodic tokens'
      : settings.numUses > 0
        ? 'tokens with limited use count'
        : undefined;
  if (what === undefined) return;
  throw new CofferError(
    'invalid_request',
    `'token_type' cannot be 'batch' or 'default-batch' when set to generate ${what}`,
  );
}

/** What a login says of its token's kind: undefined where the mount decides. */
export function wantedTokenType({ type }: TokenSettings): 'service' | 'batch' | undefined {
  switch (type) {
    case 'service':
    case 'default-service':
      return 'service';
    case 'batch':
    case 'default-batch':
      return 'batch';
    default:
      return undefined;
  }
}

/**
 * The older names under which fields were sent, as far as they are still what the fields were last set by: they are shown
 * beside the new ones to whoever uses them.
 */
export function usedOldNames(
  fields: Fields,
  data: JsonObject,
  before: readonly string[] = [],
): readonly string[] {
  const used = new Set(before);
  for (const [name, { aliases = [] }] of Object.entries(fields)) {
    for (const alias of aliases) {
      if (Object.hasOwn(data, name)) used.delete(alias);
      else if (Object.hasOwn(data, alias)) used.add(alias);
    }
  }
  return [...used].toSorted();
}

/** `shown` with the values of old names that are in use. */
export function withOldNames(
  fields: Fields,
  shown: JsonObject,
  used: readonly string[] | undefined,
): JsonObject {
  const old: Record<string, JsonValue> = {};
  for (const [name, { aliases = [] }] of Object.entries(fields)) {
    for (const alias of aliases) if (used?.includes(alias) === true) old[alias] = shown[name] ?? null;
  }
  return { ...shown, ...old };
}

/** What `shownTokenSettings` shows. */
export const tokenSettingsSchema = {
  token_bound_cidrs: { type: 'list' },
  token_explicit_max_ttl: { type: 'duration' },
  token_max_ttl: { type: 'duration' },
  token_no_default_policy: { type: 'bool' },
  token_num_uses: { type: 'int' },
  token_period: { type: 'duration' },
  token_policies: { type: 'list' },
  token_ttl: { type: 'duration' },
  token_type: { type: 'string' },
} as const satisfies ResponseSchema;

/** In the wire's names, as a role's answer shows them. */
export function shownTokenSettings(settings: TokenSettings): JsonObject {
  return {
    token_bound_cidrs: settings.boundCidrs,
    token_explicit_max_ttl: settings.explicitMaxTtl,
    token_max_ttl: settings.maxTtl,
    token_no_default_policy: settings.noDefaultPolicy,
    token_num_uses: settings.numUses,
    token_period: settings.period,
    token_policies: settings.policies,
    token_ttl: settings.ttl,
    token_type: settings.type ?? 'default',
  };
}

/** Roles or users below a folder, whose records have a `name` and `token` settings. */
export function holdersBelow(view: View, folder: string): ReadPage<PolicyHolder> {
  return async ({ limit, after }) => {
    const from = after === undefined ? {} : { after: folder + after };
    const { items, next } = await view.range(folder, { limit, ...from });
    return {
      items: items.map((sealed) => {
        const { name, token } = decodeStored<{ name: string; token: TokenSettings }>(sealed.open());
        return { name, policies: token.policies, noDefaultPolicy: token.noDefaultPolicy };
      }),
      ...(next === undefined ? {} : { next: next.slice(folder.length) }),
    };
  };
}
