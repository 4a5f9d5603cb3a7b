import type { StorageType } from '../storage-type.ts';
import { parseDynamoAddress } from './address.ts';

export const dynamodb: StorageType = {
  schemes: ['dynamodb'],
  form: 'dynamodb:TABLE?region=REGION',
  parse(url) {
    const address = parseDynamoAddress(url);
    return {
      kind: 'dynamodb',
      name: address.place,
      lasting: true,
      // Only AWS can tell.
      mayHoldStore: () => true,
      async open({ create, readOnly = false, rests = false, gate, env, log }) {
        const { openDynamoStorage } = await import('./dynamodb.ts');
        return openDynamoStorage({
          address,
          create,
          readOnly,
          rests,
          env,
          log,
          ...(gate === undefined ? {} : { gate }),
        });
      },
    };
  },
};
