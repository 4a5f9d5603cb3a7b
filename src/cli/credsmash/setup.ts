/** `setup-dynamodb`. */
import { failed, misuse } from '../credstash/failure.ts';
import { helpOption, type Verb, type Verbs } from '../credstash/verb.ts';
import type { Given } from '../credstash/words.ts';
import type { Session } from './session.ts';

const setup: Verb<Session> = {
  usage: '',
  summary: 'Make the table, billed by request unless a capacity is told',
  options: {
    ...helpOption,
    read: { names: ['--read-capacity'], takes: 1, help: 'units a second' },
    write: { names: ['--write-capacity'], takes: 1, help: 'units a second' },
  },
  operands: [0, 0],
  async run({ shell, options, session }) {
    const [read, write] = [capacityOf(options, 'read'), capacityOf(options, 'write')];
    const capacity =
      read === undefined && write === undefined ? undefined : { read: read ?? 1, write: write ?? 1 };
    const address = session.address();
    const { setupPlainTable } = await import('../../credstash/setup-plain-table.ts');
    const created = await setupPlainTable(
      address,
      { tags: {}, capacity },
      {
        env: shell.env,
        pause: shell.pause,
        say: (step) => {
          if (step === 'creating')
            session.log('INFO', 'dynamodb_storage_service', `creating table "${address.table}"...`);
        },
      },
    );
    if (!created) throw failed('Credential Store table already exists', 'conflict');
  },
};

export const verbs: Verbs<Session> = { 'setup-dynamodb': setup };

function capacityOf(options: Given, key: 'read' | 'write'): number | undefined {
  const text = options.text(key);
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw misuse(`Invalid value for '--${key}-capacity': it must be a whole number from 1 on`);
}
