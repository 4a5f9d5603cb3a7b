/** `operator init`, `unseal`, `seal`, `rotate`, `key-status`, `members` and `step-down`. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { askSecret } from './ask.ts';
import { misuse } from './failure.ts';
import type { FlagSpecs } from './flags.ts';
import { goValue } from './go-text.ts';
import type { Output } from './output.ts';
import { dataOf, secretOf } from './secret.ts';
import { bodyOf } from './session.ts';
import { printSealStatus } from './status.ts';
import type { Verb, Verbs } from './verb.ts';

export const shareFlags = {
  'key-shares': { type: 'int', help: 'how many shares to make; 5 when absent' },
  'key-threshold': { type: 'int', help: 'how many of them open the store; 3 when absent' },
  n: { type: 'int', help: 'the same as -key-shares' },
  t: { type: 'int', help: 'the same as -key-threshold' },
  'pgp-keys': { type: 'list', help: 'keys to encrypt the shares with' },
} as const satisfies FlagSpecs;

const init: Verb = {
  usage: '',
  summary: 'Make a store, and print its shares and root token once',
  flags: {
    ...shareFlags,
    status: { type: 'bool', help: 'only say whether there is a store: exit code 0, or 2' },
    check: { type: 'bool', help: 'the same' },
    'root-token-pgp-key': { type: 'text', help: 'key to encrypt the root token with' },
    'recovery-shares': { type: 'int', help: 'of a store that unseals by itself' },
    'recovery-threshold': { type: 'int', help: 'of a store that unseals by itself' },
  },
  args: [0, 0],
  async run({ session, output, flags }) {
    const asking = { anonymous: true } as const;
    if (flags.bool('status') || flags.bool('check')) {
      const { initialized } = bodyOf(await session.ask('checking init status', 'GET', 'sys/init', asking));
      const words = initialized === true ? 'Vault is initialized' : 'Vault is not initialized';
      await output.document({ initialized: initialized === true }, () => output.line(words));
      return initialized === true ? 0 : 2;
    }
    const shares = flags.int('key-shares') ?? flags.int('n') ?? 5;
    const threshold = flags.int('key-threshold') ?? flags.int('t') ?? 3;
    const recovery = flags.int('recovery-shares');
    const body: JsonObject = {
      secret_shares: shares,
      secret_threshold: threshold,
      ...(flags.has('pgp-keys')
        ? { pgp_keys: flags.list('pgp-keys').flatMap((each) => each.split(',')) }
        : {}),
      ...(flags.has('root-token-pgp-key')
        ? { root_token_pgp_key: flags.text('root-token-pgp-key') ?? '' }
        : {}),
      ...(recovery === undefined
        ? {}
        : { recovery_shares: recovery, recovery_threshold: flags.int('recovery-threshold') ?? recovery }),
    };
    const made = bodyOf(await session.ask('initializing', 'PUT', 'sys/init', { body, anonymous: true }));
    const given = { shares: recovery ?? shares, threshold: Number(body['recovery_threshold'] ?? threshold) };
    await printMade(output, made, given.shares, given.threshold);
    return 0;
  },
};

async function printMade(output: Output, made: JsonObject, shares: number, threshold: number): Promise<void> {
  const keys = texts(made['keys_base64']);
  // A store that opens by itself: as there, what holders get is called another thing.
  const recovery = texts(made['recovery_keys_base64']);
  const document: JsonObject = {
    unseal_keys_b64: keys,
    unseal_keys_hex: texts(made['keys']),
    unseal_shares: shares,
    unseal_threshold: threshold,
    recovery_keys_b64: recovery,
    recovery_keys_hex: texts(made['recovery_keys']),
    recovery_keys_shares: recovery.length,
    recovery_keys_threshold: recovery.length === 0 ? 0 : threshold,
    root_token: made['root_token'] ?? '',
  };
  await output.document(document, () => {
    const [word, shown] = recovery.length === 0 ? ['Unseal', keys] : ['Recovery', recovery];
    output.line(shown.map((key, index) => `${word} Key ${index + 1}: ${key}`).join('\n'));
    output.line(`\nInitial Root Token: ${goValue(made['root_token'])}\n`);
    output.line(recovery.length === 0 ? sharesNote(shares, threshold) : recoveryNote(shares, threshold));
  });
}

function recoveryNote(shares: number, threshold: number): string {
  return `Success! Vault is initialized

Recovery key initialized with ${shares} key shares and a key threshold of ${threshold}. Please
securely distribute the key shares printed above.`;
}

/** What holders of shares have to know. */
export function sharesNote(shares: number, threshold: number): string {
  return `Vault initialized with ${shares} key shares and a key threshold of ${threshold}. Please securely
distribute the key shares printed above. When the Vault is re-sealed,
restarted, or stopped, you must supply at least ${threshold} of these keys to unseal it
before it can start servicing requests.

Vault does not store the generated root key. Without at least ${threshold} keys to
reconstruct the root key, Vault will remain permanently sealed!`;
}

export function texts(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

const unseal: Verb = {
  usage: '[KEY]',
  summary: 'Hand in one share',
  flags: {
    reset: { type: 'bool', help: 'forget the shares that were handed in' },
    migrate: { type: 'bool', help: 'refused: there is no other seal to migrate to' },
  },
  args: [0, 1],
  async run(call) {
    const { args, session, output, flags } = call;
    const asking = { anonymous: true } as const;
    if (flags.bool('migrate'))
      throw misuse('-migrate cannot be had here: `coffer operator slots` changes how a store opens');
    if (flags.bool('reset')) {
      const body = { reset: true };
      await printSealStatus(
        output,
        bodyOf(await session.ask('resetting unseal state', 'PUT', 'sys/unseal', { ...asking, body })),
      );
      return 0;
    }
    const key = (args[0] ?? (await askSecret(call, 'Unseal Key (will be hidden)'))).trim();
    if (key === '') throw misuse('No unseal key was given');
    const answer = await session.ask('unsealing', 'PUT', 'sys/unseal', { ...asking, body: { key } });
    await printSealStatus(output, bodyOf(answer));
    return 0;
  },
};

const seal: Verb = {
  usage: '',
  summary: 'Close the server until it is unsealed again',
  args: [0, 0],
  async run({ session, output }) {
    await session.ask('sealing', 'PUT', 'sys/seal');
    output.success('Success! Vault is sealed.');
    return 0;
  },
};

const rotate: Verb = {
  usage: '',
  summary: 'Begin a new term of the keyring',
  args: [0, 0],
  async run({ session, output }) {
    await session.ask('rotating key', 'PUT', 'sys/rotate');
    const status = dataOf(secretOf((await session.ask('reading key status', 'GET', 'sys/key-status')).body));
    await output.document(status, () => {
      output.line('Success! Rotated key\n');
      printKeyStatus(output, status);
    });
    return 0;
  },
};

const keyStatus: Verb = {
  usage: '',
  summary: 'Show the keyring’s newest term',
  args: [0, 0],
  async run({ session, output }) {
    const status = dataOf(secretOf((await session.ask('reading key status', 'GET', 'sys/key-status')).body));
    await output.document(status, () => printKeyStatus(output, status));
    return 0;
  },
};

function printKeyStatus(output: Output, status: JsonObject): void {
  const rows: readonly (readonly [string, string])[] = [
    ['Key Term', goValue(status['term'])],
    ['Install Time', goValue(status['install_time'])],
    ['Encryption Count', goValue(status['encryptions'])],
  ];
  output.line(rows.map(([label, value]) => label.padEnd(20) + value).join('\n'));
}

const stepDown: Verb = {
  usage: '',
  summary: 'Let another node lead; where every node is equal, nothing changes',
  args: [0, 0],
  async run({ session, output }) {
    await session.ask('stepping down', 'PUT', 'sys/step-down');
    output.success(`Success! Stepped down: ${session.address}`);
    return 0;
  },
};

const members: Verb = {
  usage: '',
  summary: 'List the nodes that serve the store',
  args: [0, 0],
  async run({ session, output }) {
    const body = bodyOf(await session.ask('reading the members', 'GET', 'sys/ha-status'));
    const nodes = dataOf(secretOf(body))['nodes'];
    const list = Array.isArray(nodes) ? nodes.filter(isJsonObject) : [];
    const columns = [
      ['Host Name', 'hostname'],
      ['API Address', 'api_address'],
      ['Cluster Address', 'cluster_address'],
      ['Active Node', 'active_node'],
      ['Version', 'version'],
      ['Last Echo', 'last_echo'],
    ] as const;
    await output.document({ Nodes: list }, () =>
      output.rows([
        columns.map(([heading]) => heading),
        ...list.map((node) => columns.map(([, name]) => goValue(node[name]))),
      ]),
    );
    return 0;
  },
};

export const verbs: Verbs = {
  'operator members': members,
  'operator init': init,
  'operator unseal': unseal,
  'operator seal': seal,
  'operator rotate': rotate,
  'operator key-status': keyStatus,
  'operator step-down': stepDown,
};

/** Whether an answer says that something is done. */
export function isComplete(body: JsonObject): boolean {
  return body['complete'] === true;
}
