/** The table that options and configuration name, opened when a verb first needs it. */
import { type OldTable, openOldTable } from '../../credstash/old-table.ts';
import type { TableAddress } from '../../credstash/table-address.ts';
import { oldRegion } from '../credstash/aws-region.ts';
import { oldAddress } from '../credstash/session.ts';
import type { Given } from '../credstash/words.ts';
import type { Shell } from '../shell.ts';
import { type Log, openLog } from './log.ts';
import { readSettings, type Settings } from './settings.ts';

export class Session {
  readonly #shell: Shell;
  readonly settings: Settings;
  readonly log: Log;

  constructor(shell: Shell, globals: Given) {
    this.#shell = shell;
    this.settings = readSettings(shell, globals);
    this.log = openLog(shell, this.settings.level);
  }

  address(): TableAddress {
    const { table, key, region } = this.settings;
    return oldAddress(table, { key, region: oldRegion(this.#shell.env, { region, profile: undefined }) });
  }

  open(): OldTable {
    const { env, now } = this.#shell;
    return openOldTable(this.address(), this.settings.context, { env, now, latest: 'number' });
  }
}
