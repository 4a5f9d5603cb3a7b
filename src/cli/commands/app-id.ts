import { networkInterfaces } from 'node:os';
import { usageError } from '../args.ts';
import { type CommandGroup, defineCommand } from '../command.ts';
import { hardwareAddress, parseMac, userIdOf } from '../host-user-id.ts';

const userId = defineCommand({
  summary: 'Print the user id of this host',
  details: [
    'The SHA-1, in hexadecimal, of a MAC address as text in lower case with colons (11:ff:30:d6:ba:5f): what who sets up ' +
      'a machine maps, and what the application there logs in with. Without options there must be one interface to take; ' +
      '--mac is for who maps another machine than this one.',
  ],
  operands: {},
  options: {
    interface: { type: 'text', value: 'NAME', short: 'i', help: 'take the address of this interface' },
    mac: { type: 'text', value: 'ADDRESS', help: 'take this MAC address' },
  },
  examples: ['coffer app-id user-id', 'coffer app-id user-id --interface eth0 --format json'],
  async run({ options }, shell) {
    if (options.mac !== undefined && options.interface !== undefined) {
      throw usageError('app-id user-id', '--mac and --interface both say which address; leave one out');
    }
    const found =
      options.mac === undefined
        ? hardwareAddress(networkInterfaces(), options.interface)
        : { name: null, mac: parseMac(options.mac) };
    const id = userIdOf(found.mac);
    if (shell.ui.format === 'json') shell.ui.json({ user_id: id, interface: found.name, mac: found.mac });
    else shell.ui.text(`${id}\n`);
  },
});

export const command: CommandGroup = {
  summary: 'User ids for the App-ID method',
  commands: { 'user-id': userId },
};
