/**
 * Answers to browsers whose page is of another origin (the Fetch standard, "CORS protocol"). Who calls without an `Origin`, as every
 * program that is no browser does, is not concerned; nor is anybody while no origin is allowed.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { AllowedOrigins } from '../core/request.ts';

export type OriginWord =
  | { readonly kind: 'none' }
  /** The page may read the answer: these headers say so. */
  | { readonly kind: 'allowed'; readonly headers: readonly string[] }
  /** The browser asks first. The headers are the whole answer. */
  | { readonly kind: 'preflight'; readonly headers: readonly string[] }
  | { readonly kind: 'refused'; readonly headers: readonly string[] };

const none: OriginWord = { kind: 'none' };
const methods = 'DELETE, GET, OPTIONS, POST, PUT, LIST, PATCH, SCAN';
/** Seconds for which a browser need not ask again. */
const goodFor = '300';
/** Answers differ by origin, and no cache may mix them up. */
const vary = ['Vary', 'Origin'] as const;

export function judgeOrigin(
  allowed: AllowedOrigins | undefined,
  method: string,
  headers: IncomingHttpHeaders,
): OriginWord {
  const { origin } = headers;
  if (allowed === undefined || origin === undefined || isSame(origin, headers)) return none;
  const any = allowed.origins.includes('*');
  // Compared as it is: what merely begins or ends like an allowed origin is somebody else's.
  if (!any && !allowed.origins.includes(origin)) return { kind: 'refused', headers: vary };
  // The origin is one of the list here, so that nothing a client made up is said back to it.
  const shared = [
    'Access-Control-Allow-Origin',
    any ? '*' : origin,
    ...(allowed.credentials && !any ? ['Access-Control-Allow-Credentials', 'true'] : []),
    ...vary,
  ];
  if (method !== 'OPTIONS') return { kind: 'allowed', headers: [...shared, ...exposed] };
  if (headers['access-control-request-method'] === undefined) return { kind: 'allowed', headers: shared };
  return {
    kind: 'preflight',
    headers: [
      ...shared,
      ...['Access-Control-Allow-Methods', methods],
      ...['Access-Control-Allow-Headers', allowed.headers.join(', ')],
      ...['Access-Control-Max-Age', goodFor],
    ],
  };
}

const exposed = ['Access-Control-Expose-Headers', 'X-Coffer-Error, X-Coffer-Request-Id, Retry-After'];

/** A page of this server's own: browsers send the header with its writes too. */
function isSame(origin: string, { host }: IncomingHttpHeaders): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}
