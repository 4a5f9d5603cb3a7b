/**
 * `coffer operator unseal --kms` on the host of a data directory: KMS unwraps the key of a slot, and the server is given it as any
 * other unseal key. For a store that was sealed on purpose, which no start opens: whoever may have KMS decrypt may open it.
 */
import { type Command, defineCommand } from '../cli/command.ts';
import { connectAnonymously } from '../cli/context.ts';
import { serverOptions } from '../cli/options.ts';
import type { Shell } from '../cli/shell.ts';
import { CofferError } from '../errors.ts';
import { readBoot } from '../seal/boot.ts';
import type { StoragePlace } from '../storage/storage-type.ts';
import { configuredKek, requireConfiguredSeals } from './configured-kek.ts';
import { hostData, hostStorage, openHostStorage, storageOption } from './host-storage.ts';

export const command: Command = defineCommand({
  summary: 'Open a server with a key that KMS unwraps, on the host',
  operands: {},
  options: { data: { type: 'text', help: 'data directory' }, ...storageOption, ...serverOptions },
  async run({ options }, shell) {
    requireConfiguredSeals(shell);
    const data = hostData(shell, options.data);
    const key = await slotKeyOf(shell, hostStorage(shell, options.storage, data));
    using client = connectAnonymously(shell, options);
    await client.request('PUT', 'sys/unseal', { body: { key } });
    shell.ui.done('the server is unsealed', { sealed: false });
  },
});

async function slotKeyOf(shell: Shell, place: StoragePlace): Promise<string> {
  const storage = await openHostStorage(shell, place, { create: false, readOnly: true });
  try {
    const boot = await readBoot(storage);
    if (boot.kind === 'empty') throw new CofferError('store_unusable', `there is no store in ${place.name}`);
    const found = await configuredKek(shell, boot);
    if (found === undefined) {
      throw new CofferError('wrong_key', `no KMS key named here opens a slot of the store in ${place.name}`);
    }
    const key = found.kek.toString('base64');
    found.kek.fill(0);
    return key;
  } finally {
    await storage.close();
  }
}
