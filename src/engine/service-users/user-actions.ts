/** What is done for an application's user, and for all that is left of an application that goes. */

import { credentialKinds } from './documents.ts';
import { historyFolder } from './history.ts';
import type { Look } from './look.ts';
import { readerFolder } from './reader.ts';
import { allLost, withKind } from './steps.ts';
import { askProvider, openProvider, serviceUser, type Tools } from './tools.ts';

/** Records removed in one commit. */
const atOnce = 40;

/** The user may be different from here on, whatever came of the call that follows. */
export async function unsettle(
  look: Look,
  tools: Tools,
  before: 'ensure' | 'disable' | 'delete',
): Promise<void> {
  const { state, now } = look;
  if (before === 'ensure') return look.become({ ...state, user: 'changing' });
  const { traits } = await openProvider(look, tools);
  if (before === 'delete' || traits.disablingLoses === true) {
    return look.become({ ...state, user: 'changing', kinds: allLost(state, now) });
  }
  let next = { ...state };
  // Whoever had them may have done anything with them until it is active again.
  for (const of of credentialKinds) next = withKind(next, of, () => ({ due: true }));
  look.become({ ...next, user: 'changing' });
}

export async function ensure(look: Look, tools: Tools): Promise<void> {
  const { application } = look;
  const user = serviceUser(application);
  const { kinds } = await askProvider(look, tools, async (provider, turn) => {
    await provider.ensure(user, turn);
    return provider.traits;
  });
  let next = look.state;
  for (const of of credentialKinds) next = withKind(next, of, () => ({ ends: kinds[of]?.oldEndsAt ?? null }));
  look.become({ ...next, user: 'present', syncedFor: application.modifiedAt, syncedAt: look.now });
}

export async function disable(look: Look, tools: Tools): Promise<void> {
  await askProvider(look, tools, (provider, turn) => provider.disable(look.application.username, turn));
  look.become({ ...look.state, user: 'disabled', syncedAt: look.now });
  look.tell('user.disabled');
}

export async function deleteUser(look: Look, tools: Tools): Promise<void> {
  await askProvider(look, tools, (provider, turn) => provider.delete(look.application.username, turn));
  look.become({ ...look.state, user: 'deleted', syncedAt: look.now });
  look.tell('user.deleted');
}

/** Its history and readers first, a piece at a time; the application itself last, so that a crash leaves somebody who asks for the rest. */
export async function forget(look: Look): Promise<void> {
  const { view, id } = look;
  for (const folder of [readerFolder(id), historyFolder(id)]) {
    for (;;) {
      const { items, next } = await view.range(folder, { limit: atOnce });
      if (items.length > 0) await view.commit(items.map(({ path }) => ({ path, value: null })));
      if (next === undefined) break;
    }
  }
  await look.forgetRecords();
}
