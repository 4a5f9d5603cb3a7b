import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { defineCommand } from '../command.ts';
import { connectAnonymously } from '../context.ts';
import { serverOptions } from '../options.ts';
import { printStatus } from '../print-status.ts';

/** `sys/health` speaks in statuses; here each of them is an answer. */
const healthStatuses = [429, 472, 473, 474, 501, 503];

export const command = defineCommand({
  summary: 'Show whether the server is up and unsealed',
  details: ['Exit code 0: ready; 8: sealed, or without a store yet; 9: no answer.'],
  operands: {},
  options: serverOptions,
  async run({ options }, shell) {
    const client = connectAnonymously(shell, options);
    const [seal, health] = await Promise.all([
      client.request('GET', 'sys/seal-status'),
      client.request('GET', 'sys/health', { accept: healthStatuses }),
    ]);
    const status = { ...objectOf(health.body), ...objectOf(seal.body) };
    printStatus(shell.ui, status);
    if (status['initialized'] === false) {
      throw new CofferError(
        'not_initialized',
        'the server has no store yet; `coffer operator init` makes one',
      );
    }
    if (status['sealed'] !== false) {
      throw new CofferError('sealed', 'the server is sealed; `coffer operator unseal` opens it');
    }
  },
});

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
