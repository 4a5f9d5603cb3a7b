/** What an answer tells of rates: RFC 9110 §10.2.3, and Vault's own headers. */
import type { RateVerdict } from '../core/request.ts';

/** Names and values in turn. */
export function rateHeaders({ admitted, retryAfter, shown }: RateVerdict): readonly string[] {
  return [
    ...(admitted ? [] : ['Retry-After', String(retryAfter)]),
    ...(shown === undefined
      ? []
      : [
          'X-Ratelimit-Limit',
          String(shown.limit),
          'X-Ratelimit-Remaining',
          String(shown.remaining),
          'X-Ratelimit-Reset',
          String(shown.reset),
        ]),
  ];
}
