/** `server`, which the program brings along: what it runs is not the client's. */
import { isGroup } from '../command.ts';
import { misuse } from './failure.ts';
import type { Verb, Verbs } from './verb.ts';

const server: Verb = {
  usage: '-dev | -config=FILE',
  summary: 'Run a server',
  flags: {
    dev: { type: 'bool', help: 'in memory, unsealed, with kv at secret/' },
    'dev-root-token-id': { type: 'text', help: 'root token of -dev' },
    'dev-listen-address': { type: 'text', help: 'address of -dev' },
    'dev-no-store-token': { type: 'bool', help: 'leave ~/.vault-token as it is' },
    'dev-no-kv': { type: 'bool', help: 'refused: secret/ is there' },
    'dev-kv-v1': { type: 'bool', help: 'refused: secret/ has versions' },
    'dev-tls': { type: 'bool', help: 'refused: give certificates with -config' },
    config: { type: 'list', help: 'configuration file or directory; may be given several times' },
    'log-level': { type: 'text', help: 'trace, debug, info, warn or error' },
    'log-format': { type: 'text', help: 'standard or json' },
    'log-file': { type: 'text', help: 'refused: the log goes to standard error' },
    recovery: { type: 'bool', help: 'refused' },
    'exit-on-core-shutdown': { type: 'bool', help: 'taken, without effect' },
  },
  args: [0, 0],
  async run({ shell, flags }) {
    const load = shell.programs?.['vault server'];
    const brought = (await load?.())?.command;
    if (brought === undefined || isGroup(brought)) throw misuse('this program has no `vault server`');
    for (const name of ['dev-no-kv', 'dev-kv-v1', 'dev-tls', 'log-file', 'recovery']) {
      if (flags.has(name) && flags.text(name) !== 'false') throw misuse(`-${name} cannot be had here`);
    }
    const text = (name: string) => flags.text(name);
    const options = {
      dev: flags.bool('dev'),
      'dev-root-token-id': text('dev-root-token-id'),
      'dev-listen-address': text('dev-listen-address'),
      'dev-no-store-token': flags.bool('dev-no-store-token'),
      config: flags.list('config'),
      'log-level': text('log-level'),
      'log-format': text('log-format'),
      check: false,
      format: undefined,
      help: false,
    };
    await brought.run({ options, operands: {} }, shell);
    return 0;
  },
};

export const verbs: Verbs = { server };
