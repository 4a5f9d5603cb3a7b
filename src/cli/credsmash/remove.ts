/** `delete`, `delete-many`, `prune`, `prune-many`. Only the items of the names in question are read. */
import type { OldTable } from '../../credstash/old-table.ts';
import { helpOption, operand, type Verb, type Verbs } from '../credstash/verb.ts';
import type { Log } from './log.ts';
import { matching } from './read.ts';
import type { Session } from './session.ts';

type Remove = (table: OldTable, name: string, log: Log) => Promise<void>;

export const verbs: Verbs<Session> = {
  delete: one('Delete every version of a secret', removeAll),
  'delete-many': many('Delete every version of all secrets whose names match', removeAll),
  prune: one('Delete all but the latest version of a secret', prune),
  'prune-many': many('Delete all but the latest version of all secrets whose names match', prune),
};

function one(summary: string, remove: Remove): Verb<Session> {
  return {
    usage: 'SECRET_NAME',
    summary,
    options: helpOption,
    operands: [1, 1],
    async run(call) {
      using table = call.session.open();
      await remove(table, operand(call), call.session.log);
    },
  };
}

function many(summary: string, remove: Remove): Verb<Session> {
  return {
    usage: 'PATTERN',
    summary,
    options: helpOption,
    operands: [1, 1],
    async run(call) {
      using table = call.session.open();
      for (const name of await matching(table, operand(call))) await remove(table, name, call.session.log);
    },
  };
}

/** The latest goes last: until then a reader gets it or nothing, never an older one. */
async function removeAll(table: OldTable, name: string, log: Log): Promise<void> {
  const history = await table.history(name);
  if (history.length === 0) return log('INFO', 'api.delete', `Not found: ${name}`);
  for (const { version, versionText } of history) {
    log('INFO', 'api.delete', `Deleting ${name} -- version ${version ?? versionText}`);
    await table.remove(name, versionText);
  }
  log('INFO', 'api.delete', `Deleted ${name}`);
}

/** Versions that are no numbers are not this program's: they stay. */
async function prune(table: OldTable, name: string, log: Log): Promise<void> {
  const history = (await table.history(name)).filter(({ version }) => version !== undefined);
  const latest = history.at(-1);
  if (latest === undefined) return log('INFO', 'api.prune', `Not found: ${name}`);
  for (const { version, versionText } of history.slice(0, -1)) {
    log('INFO', 'api.prune', `Deleting ${name} -- version ${version}`);
    await table.remove(name, versionText);
  }
  log('INFO', 'api.prune', `Pruned ${name} (current version=${latest.version})`);
}
