/** Constraints of a rule on response wrapping: the answer must be wrapped, and for a time within bounds. */

export interface WrappingRule {
  /** Seconds. */
  readonly least: number | undefined;
  readonly most: number | undefined;
}

export const noWrappingRule: WrappingRule = { least: undefined, most: undefined };

export function constrainsWrapping({ least, most }: WrappingRule): boolean {
  return least !== undefined || most !== undefined;
}

/** `ttl` in seconds; 0 where no wrapping was asked for, which no constraint lets pass. */
export function permitsWrapping({ least, most }: WrappingRule, ttl: number): boolean {
  return ttl > 0 && ttl >= (least ?? 0) && ttl <= (most ?? Number.POSITIVE_INFINITY);
}

/** Of each bound the lesser one that is set. Bounds that cross let nothing pass. */
export function mergeWrapping(one: WrappingRule, other: WrappingRule): WrappingRule {
  return { least: lesser(one.least, other.least), most: lesser(one.most, other.most) };
}

function lesser(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}
