import { mountCommands } from '../mount-commands.ts';

export const command = mountCommands({
  name: 'auth',
  root: 'sys/auth',
  summary: 'Ways to log in',
  thing: 'an auth method',
  loss: 'All tokens that were issued by it are revoked.',
  example: 'coffer auth enable approle',
});
