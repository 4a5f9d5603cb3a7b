/** Limits that hold without any quota being written. A part of the server's settings. */
import type { StrangerLimit } from './strangers.ts';

export interface NodeLimits extends StrangerLimit {
  /** Live tokens, and live leases, of one identity: one alias of one auth mount, with all tokens made from its tokens. */
  readonly tokensPerIdentity: number;
  readonly leasesPerIdentity: number;
}

/** What holds where nobody says otherwise. Requests of strangers are limited by servers only. */
export const defaultLimits: NodeLimits = {
  requestsPerSecond: 0,
  burst: 0,
  tokensPerIdentity: 300_000,
  leasesPerIdentity: 300_000,
};
