/** The catalog row of the key/value engine. */
import { CofferError } from '../../errors.ts';
import type { EngineType } from '../engine.ts';
import { kvV2 } from './kv-v2.ts';

export const kv: EngineType = {
  type: 'kv',
  summary: 'versioned key/value secrets',
  parseOptions(options) {
    const unknown = Object.keys(options).find((name) => name !== 'version');
    if (unknown !== undefined)
      throw new CofferError('invalid_request', `kv has no option "${unknown.slice(0, 60)}"`);
    // Clients that say nothing expect version 1, which is not offered yet: better refused than another engine than asked for.
    if (options['version'] !== '2') {
      throw new CofferError(
        'invalid_request',
        'this server has kv version 2: enable it with options {"version": "2"}',
      );
    }
    return { version: '2' };
  },
  create: kvV2,
};
