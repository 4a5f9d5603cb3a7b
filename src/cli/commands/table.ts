import { type WrittenFormat, writtenFormats } from '../../credstash/format.ts';
import { setupTable } from '../../credstash/setup-table.ts';
import { mostDays, usualUndeleteDays } from '../../credstash/table-settings.ts';
import { usageError } from '../args.ts';
import { type CommandGroup, defineCommand } from '../command.ts';
import { tableOptions, tableTarget } from '../table-target.ts';

const setup = defineCommand({
  summary: 'Make the table for secrets in DynamoDB, and wait until it is ready',
  details: [
    'Billed by request, recoverable to any second of the last 35 days, and protected from being deleted by mistake. The KMS ' +
      'key must be there. A table that is there is left as it is; what --format coffer, --undelete-days and ' +
      '--shared-key-days say is written where it has said nothing yet. To the old programs that note is a secret they ' +
      'cannot read: give it only to tables that Coffer alone uses.',
    'Without --shared-key-days each item has a data key of its own. With it, items that are written within so many ' +
      'days share one: reading all of a table then takes few calls to KMS, but whoever may read one of them may read all.',
  ],
  operands: {},
  options: {
    format: {
      type: 'text',
      value: 'FORMAT',
      choices: writtenFormats,
      help: 'how items are written: coffer (the default), credstash or credsmash',
    },
    'undelete-days': {
      type: 'integer',
      value: 'N',
      help: `how long a deleted version can come back (${usualUndeleteDays})`,
    },
    'shared-key-days': { type: 'integer', value: 'N', help: 'share a data key between the items of N days' },
    tag: { type: 'list', value: 'KEY=VALUE', help: 'a tag for the table; may be repeated' },
    'table-key': { type: 'text', value: 'KEY', help: "KMS key of the table's own encryption (AWS's own)" },
    ...tableOptions,
  },
  examples: ["coffer table setup --safe 'credstash://secrets?key=alias/secrets'"],
  async run({ options }, shell) {
    const address = tableTarget(shell, options);
    const tags = parseTags(options.tag);
    const undeleteDays = days(options['undelete-days'], '--undelete-days');
    const epochDays = days(options['shared-key-days'], '--shared-key-days');
    const format = (options.format as WrittenFormat | undefined) ?? address.format;
    if (format !== undefined && format !== 'coffer' && (undeleteDays ?? epochDays) !== undefined) {
      throw usageError('table setup', "--undelete-days and --shared-key-days are of Coffer's own format");
    }
    const { created, settings } = await setupTable(
      address,
      {
        settings: { format: format ?? 'coffer', undeleteDays: undeleteDays ?? usualUndeleteDays, epochDays },
        settingsMeant: [options.format, undeleteDays, epochDays].some((each) => each !== undefined),
        tags,
        tableKey: options['table-key'],
      },
      { env: shell.env, pause: shell.pause, say: (step) => shell.ui.talk(step) },
    );
    const state = created ? 'made and ready' : 'there already, and left as it is';
    const note = !created && settings ? '; its settings were written' : '';
    if (created && format !== undefined && format !== 'coffer') {
      shell.ui.talk(`the table holds nothing yet that would say so: name the safe with format=${format}`);
    }
    shell.ui.done(`table ${address.table}: ${state}${note}`, { table: address.table, created, settings });
  },
});

function days(given: number | undefined, option: string): number | undefined {
  if (given === undefined || (given >= 1 && given <= mostDays)) return given;
  throw usageError('table setup', `${option} must be 1 to ${mostDays}`);
}

function parseTags(words: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at < 1) throw usageError('table setup', '--tag needs KEY=VALUE');
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

export const command: CommandGroup = {
  summary: 'The table of a safe without server',
  commands: { setup },
};
