import { mountCommands } from '../mount-commands.ts';

export const command = mountCommands({
  name: 'mount',
  root: 'sys/mounts',
  summary: 'Secrets engines',
  thing: 'a secrets engine',
  loss: 'All that is stored there is deleted, and its leases are revoked.',
  example: 'coffer mount enable kv --path team',
});
