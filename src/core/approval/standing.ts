/**
 * How a request stands: whose consent counts now. Everybody is looked up afresh, so that whoever was merged counts as whom they are,
 * and whoever is gone, disabled or out of the group does not count any more. Nobody counts twice, and nobody for themselves.
 */
import type { Identity } from '../identity/identity.ts';
import type { IdentityReader } from '../identity/reader.ts';
import type { ApprovalFactor, ApprovalRule, ApproverKind } from '../policy/approval-rule.ts';
import type { ApprovalRecord, Verdict } from './record.ts';

export interface Standing {
  readonly approved: boolean;
  /** Those that count now, each entity once, by its present id and name. */
  readonly counted: readonly Verdict[];
  readonly factors: readonly { readonly factor: ApprovalFactor; readonly have: number }[];
}

/** @param wanted what is wanted: the record's own, or what the policy says by now */
export async function standingOf(
  reader: IdentityReader,
  record: ApprovalRecord,
  wanted: ApprovalRule = record.approval,
): Promise<Standing> {
  const requester = await reader.read(record.requester.entityId);
  const people = new Map<string, { readonly identity: Identity; readonly verdict: Verdict }>();
  for (const verdict of record.authorizations) {
    const identity = await reader.read(verdict.entityId);
    if (identity === undefined || identity.entity.disabled) continue;
    const { id, name } = identity.entity;
    if (id === requester?.entity.id || people.has(id)) continue;
    people.set(id, { identity, verdict: { ...verdict, entityId: id, entityName: name } });
  }
  const all = [...people.values()];
  const factors = wanted.factors.map((factor) => ({
    factor,
    have: all.filter(({ identity }) => isNamed(identity, factor)).length,
  }));
  const counted = all.filter(({ identity }) => wanted.factors.some((factor) => isNamed(identity, factor)));
  return {
    // Without the requester there is nobody to do it for; without a factor nothing would be wanted.
    approved:
      requester !== undefined &&
      factors.length > 0 &&
      factors.every(({ factor, have }) => factor.count >= 1 && have >= factor.count),
    counted: counted.map(({ verdict }) => verdict),
    factors,
  };
}

/** Whether somebody is one of those who may approve. */
export function mayDecide(identity: Identity, { factors }: ApprovalRule): boolean {
  return factors.some((factor) => isNamed(identity, factor));
}

function isNamed({ entity, groups }: Identity, { from }: ApprovalFactor): boolean {
  const is = {
    entity: (name: string) => entity.name === name,
    'entity-id': (name: string) => entity.id === name || entity.merged.includes(name),
    group: (name: string) => groups.some((group) => group.name === name),
    'group-id': (name: string) => groups.some((group) => group.id === name),
  } as const satisfies Record<ApproverKind, (name: string) => boolean>;
  return from.some(({ kind, name }) => is[kind](name));
}

/** What is left to come, for people. */
export function missingText({ factors }: Standing): string {
  return factors
    .filter(({ factor, have }) => have < factor.count)
    .map(({ factor, have }) => {
      const of = factor.name === '' ? '' : ` of factor ${JSON.stringify(factor.name)}`;
      return `${have} of ${factor.count} approvals${of}`;
    })
    .join(', ');
}
