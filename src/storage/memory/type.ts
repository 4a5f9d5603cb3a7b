import { CofferError } from '../../errors.ts';
import type { StorageType } from '../storage-type.ts';
import { MemoryStorage } from './memory.ts';

export const memory: StorageType = {
  schemes: ['memory'],
  form: 'memory:',
  parse(url) {
    if (url !== 'memory:')
      throw new CofferError('invalid_request', 'a store in memory is memory: and nothing more');
    return {
      kind: 'memory',
      name: url,
      lasting: false,
      mayHoldStore: () => false,
      open: () => Promise.resolve(new MemoryStorage()),
    };
  },
};
