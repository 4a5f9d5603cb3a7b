import type { StorageType } from '../storage-type.ts';
import { parsePostgresAddress } from './address.ts';

export const postgres: StorageType = {
  schemes: ['postgres', 'postgresql'],
  form: 'postgres://USER@HOST/DATABASE',
  parse(url) {
    const { place } = parsePostgresAddress(url);
    return {
      kind: 'postgres',
      name: place,
      lasting: true,
      // Only the server can tell.
      mayHoldStore: () => true,
      async open({ create, readOnly = false, gate, env, log }) {
        const { openPostgresStorage } = await import('./postgres.ts');
        return openPostgresStorage({
          url,
          create,
          readOnly,
          env,
          log,
          ...(gate === undefined ? {} : { gate }),
        });
      },
    };
  },
};
