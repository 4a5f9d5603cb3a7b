/** The root token that is there without anybody having logged in: a new store's, or a restored one's. */
import type { NewToken } from './tokens.ts';

/** Length of a root token's text, which the one-time password of `sys/generate-root` must have too. */
export const rootTokenLength = 28;

/** Without end, parent or mount. `now` in milliseconds. */
export function rootTokenAt(now: number): NewToken {
  return {
    policies: ['root'],
    displayName: 'root',
    metadata: null,
    path: 'auth/token/root',
    mount: null,
    ancestors: [],
    issuedAt: now,
    expiresAt: null,
    creationTtl: 0,
    maxTtl: 0,
    explicitMaxTtl: 0,
    period: 0,
    renewable: false,
    usesLeft: null,
    orphan: true,
    boundCidrs: [],
    internal: null,
  };
}
