/**
 * The TTL rule of every lease and token (Vault API, leases): the candidate is what was asked, else what the backend says, else
 * the mount's default; the cap is the least of the maxima, counted from issue.
 */
export interface TtlAsked {
  /** Seconds; undefined or 0 is "not asked". */
  readonly increment?: number | undefined;
  readonly backendTtl?: number | undefined;
  readonly mountDefault: number;
  /** Seconds; undefined or 0 is "no limit from here". */
  readonly maxima: readonly (number | undefined)[];
  /** Milliseconds. */
  readonly issuedAt: number;
  readonly now: number;
}

export interface TtlGranted {
  /** Seconds from `now`; 0 when the cap has been reached. */
  readonly seconds: number;
  readonly capped: boolean;
}

export function grantTtl(asked: TtlAsked): TtlGranted {
  const candidate = asked.increment || asked.backendTtl || asked.mountDefault;
  const maxima = asked.maxima.filter((limit) => limit !== undefined && limit > 0) as readonly number[];
  if (maxima.length === 0) return { seconds: candidate, capped: false };
  const end = asked.issuedAt + Math.min(...maxima) * 1_000;
  const left = Math.max(0, Math.floor((end - asked.now) / 1_000));
  return candidate > left ? { seconds: left, capped: true } : { seconds: candidate, capped: false };
}

/** What an answer says when less was granted than asked. */
export function cappedWarning(seconds: number): string {
  return `TTL was capped at ${seconds} seconds, the longest that is allowed here`;
}
