import type { NewToken } from './token/tokens.ts';

/** Length of a root token's text, which the one-time password of `sys/generate-root` must have too. */
export const rootTokenLength = 28;

/** A token with every right and no end. */
export function newRootToken(now: number): NewToken {
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
