import { randomBytes } from 'node:crypto';
import { afterAll } from 'vitest';
import { consulPlace } from '../../../test/setup/consul-place.ts';
import { storageContract } from '../storage.contract.ts';
import { parseConsulPlace } from './address.ts';
import { openConsulStorage } from './consul.ts';

const agent = await consulPlace();
afterAll(() => agent.close());
const env = { CONSUL_HTTP_ADDR: agent.address };

storageContract('consul', async () => {
  const place = parseConsulPlace(`consul:test/${randomBytes(6).toString('hex')}`);
  let storage = await openConsulStorage({ place, env, create: true });
  return {
    storage,
    reopen: async () => {
      await storage.close();
      storage = await openConsulStorage({ place, env, create: false });
      return storage;
    },
    dispose: () => storage.close(),
  };
});
