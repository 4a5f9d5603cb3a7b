/** `coffer server --aws --dry-run`: what is there, and what a start would make. Asks, and makes nothing. */

import { callerIdentity } from '../../aws/caller.ts';
import { dynamoClient } from '../../aws/dynamo.ts';
import type { Shell } from '../../cli/shell.ts';
import type { Loaded } from '../../config/load.ts';
import { withRooms } from './home.ts';
import { described } from './key.ts';
import { requireRights } from './rights.ts';
import { type HomeWords, homeWish } from './start.ts';

/** Throws as a start does where rights are missing. */
export async function dryRun(given: HomeWords, loaded: Loaded, shell: Shell): Promise<void> {
  const wish = homeWish(given, loaded, shell);
  const { names, env } = wish;
  const caller = await callerIdentity({ env });
  const rows = await withRooms(wish, async (rooms, region) => {
    await requireRights(rooms, wish.storage === undefined ? wish : undefined, region);
    const found = await rooms.parameters.below(names.folder);
    const key = await described(rooms, found.get(names.keyParameter) ?? names.alias);
    const parameters = [names.keyParameter, names.placeParameter, names.storeParameter];
    return [
      row('KMS key', names.alias, key !== undefined),
      ...(wish.storage === undefined
        ? [row('table', names.table, await hasTable(env, region, names.table))]
        : []),
      ...parameters.map((name) => row('parameter', name, found.has(name))),
    ];
  });
  shell.ui.table(
    ['WHAT', 'NAME', 'STATE'],
    rows,
    rows.map(([what, name, state]) => ({ what, name, state })),
  );
  shell.ui.talk(
    `A new store is administered by the IAM role ${wish.distinguished.join(' or ')} of account ${caller.account}.`,
  );
  shell.ui.talk('Nothing was made.');
}

function row(what: string, name: string, there: boolean): readonly [string, string, string] {
  return [what, name, there ? 'there' : 'would be made'];
}

async function hasTable(
  env: Readonly<Record<string, string | undefined>>,
  region: string,
  table: string,
): Promise<boolean> {
  const dynamo = dynamoClient({ env, region });
  try {
    return (await dynamo.describeTable(table)) !== undefined;
  } finally {
    dynamo.close();
  }
}
