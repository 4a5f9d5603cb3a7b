/** A server's state, as `status` and `operator unseal` print it. */
import type { JsonObject } from '../json.ts';
import { cellText } from './print-data.ts';
import type { Ui } from './ui.ts';

/** For a person, in this order. The rest is for Vault's clients and constant here; `--format json` has it all. */
const shown = [
  'initialized',
  'sealed',
  'type',
  't',
  'n',
  'progress',
  'coffer_waiting_for',
  'storage_type',
  'coffer_version',
  'cluster_id',
  'nodes',
];

/** What the wire calls by a letter or a noun of its own. */
const names: Readonly<Record<string, string>> = {
  type: 'seal',
  t: 'threshold',
  n: 'shares',
  coffer_waiting_for: 'waiting for',
  storage_type: 'storage',
  coffer_version: 'version',
  cluster_id: 'store',
};

/** @param status the fields of `sys/seal-status`, and of `sys/health` where they were asked for */
export function printStatus(ui: Ui, status: JsonObject): void {
  const entries = shown
    .filter(
      (name) => status[name] !== undefined && (status['n'] !== 0 || !['t', 'n', 'progress'].includes(name)),
    )
    .map((name): [string, string] => [names[name] ?? name, cellText(status[name])]);
  ui.record(entries, status);
}
