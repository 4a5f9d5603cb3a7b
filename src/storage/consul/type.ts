import type { StorageType } from '../storage-type.ts';
import { parseConsulPlace } from './address.ts';

export const consul: StorageType = {
  schemes: ['consul'],
  form: 'consul:PREFIX',
  parse(url) {
    const place = parseConsulPlace(url);
    return {
      kind: 'consul',
      name: place.shown,
      lasting: true,
      // Only an agent can tell.
      mayHoldStore: () => true,
      async open({ create, readOnly = false, gate, env, log }) {
        const { openConsulStorage } = await import('./consul.ts');
        return openConsulStorage({
          place,
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
