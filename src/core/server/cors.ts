/** Which other origins' pages may call this server from a browser (the Fetch standard, §3.2 "CORS protocol"). */
import { CofferError } from '../../errors.ts';
import type { AllowedOrigins } from '../request.ts';

export interface CorsSettings {
  readonly enabled: boolean;
  /** Origins as browsers send them, or `*` alone. */
  readonly allowedOrigins: readonly string[];
  /** Request headers besides those that clients of this API send anyway; in lower case. */
  readonly allowedHeaders: readonly string[];
  /** Pages may read answers to requests that carry a browser's credentials; never together with `*`. */
  readonly allowCredentials: boolean;
}

export const noCors: CorsSettings = {
  enabled: false,
  allowedOrigins: [],
  allowedHeaders: [],
  allowCredentials: false,
};

/** What Vault's clients in a browser send, in its own list, and what ours do besides. */
export const standardHeaders: readonly string[] = [
  'content-type',
  'x-coffer-approval',
  'x-coffer-reason',
  'x-requested-with',
  'x-vault-aws-iam-server-id',
  'x-vault-mfa',
  'x-vault-namespace',
  'x-vault-no-request-forwarding',
  'x-vault-wrap-format',
  'x-vault-wrap-ttl',
  'x-vault-policy-override',
  'authorization',
  'x-vault-token',
];

const mostEntries = 100;

/** Throws `invalid_request` for what could not be meant. */
export function parseCors(given: {
  readonly origins: readonly string[];
  readonly headers: readonly string[];
  readonly credentials: boolean;
}): CorsSettings {
  const { origins, headers, credentials } = given;
  if (origins.length === 0) {
    throw new CofferError('invalid_request', 'at least one origin or the wildcard must be provided');
  }
  if (origins.length > mostEntries || headers.length > mostEntries) {
    throw new CofferError(
      'invalid_request',
      `there are at most ${mostEntries} origins and ${mostEntries} headers`,
    );
  }
  if (origins.includes('*')) {
    if (origins.length > 1) {
      throw new CofferError('invalid_request', 'to allow all origins the wildcard must be the only value');
    }
    if (credentials) {
      throw new CofferError(
        'invalid_request',
        'allow_credentials and the wildcard do not go together: every page could act as its visitor',
      );
    }
  } else if (!origins.every(isOrigin)) {
    throw new CofferError(
      'invalid_request',
      'an origin is written as browsers send it: https://host or https://host:port, in lower case, without a path',
    );
  }
  // RFC 9110 §5.6.2, token.
  if (!headers.every((name) => /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(name))) {
    throw new CofferError('invalid_request', 'allowed_headers holds what is no name of a header');
  }
  return {
    enabled: true,
    allowedOrigins: [...new Set(origins)],
    allowedHeaders: [...new Set(headers.map((name) => name.toLowerCase()))],
    allowCredentials: credentials,
  };
}

/** What no browser sends can never match, and a list with such an entry would not say what it seems to. */
function isOrigin(text: string): boolean {
  if (!/^https?:\/\/[a-z0-9.:[\]-]{1,300}$/.test(text) || !URL.canParse(text)) return false;
  return new URL(text).origin === text;
}

/** For listeners: undefined where nobody is allowed anything. */
export function allowedOrigins(cors: CorsSettings | undefined): AllowedOrigins | undefined {
  if (cors === undefined || !cors.enabled) return undefined;
  let known = prepared.get(cors);
  if (known === undefined) {
    known = {
      origins: cors.allowedOrigins,
      headers: [...standardHeaders, ...cors.allowedHeaders],
      credentials: cors.allowCredentials,
    };
    prepared.set(cors, known);
  }
  return known;
}

/** Asked for each request, and changed once in a long while. */
const prepared = new WeakMap<CorsSettings, AllowedOrigins>();
