/** The totp engine: one-time codes of time (RFC 6238), to show and to check. */
import { CofferError } from '../../errors.ts';
import type { EngineType } from '../engine.ts';
import { codeEndpoint } from './code-endpoint.ts';
import { keyEndpoints } from './key-endpoints.ts';

export const totp: EngineType = {
  type: 'totp',
  summary: 'one-time codes, to show and to check',
  parseOptions(options) {
    const [name] = Object.keys(options);
    if (name === undefined) return {};
    throw new CofferError('invalid_request', `totp has no option "${name.slice(0, 60)}"`);
  },
  create: (environment) => ({ endpoints: [...keyEndpoints(environment.random), codeEndpoint()] }),
};
