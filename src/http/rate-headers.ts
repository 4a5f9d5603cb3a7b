/** What is said of rates: RFC 9110 §10.2.3, and Vault's own headers. */
import type { ApiPath } from '../core/path.ts';
import type { RateVerdict, Road } from '../core/request.ts';

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

/** What the road says of a request's rate: a promise where several processes count together. */
export function rateVerdict(
  road: Road,
  path: ApiPath,
  client: string,
  bearer: boolean,
): RateVerdict | Promise<RateVerdict> | undefined {
  return road.admitTogether === undefined
    ? road.admit?.(path, client, bearer)
    : road.admitTogether(path, client, bearer);
}
