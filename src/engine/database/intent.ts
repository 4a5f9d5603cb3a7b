/** What an intent says of a user of a database, and how the user is dropped that nobody got. */
import type { View } from '../../core/view.ts';
import { asCofferError } from '../../errors.ts';
import type { EngineEnvironment } from '../engine.ts';
import { Intents } from '../user-intent.ts';
import { busyTime, type Connections } from './connections.ts';
import { decodeRole, rolePath } from './role.ts';

/** What is needed to drop a user. */
export interface UserPlace {
  readonly connection: string;
  readonly username: string;
  readonly role: string;
  /** As the role had them when the user was made; the role's of now come first. */
  readonly revocation: readonly string[];
}

export interface IntendedUser extends UserPlace {
  readonly rollback: readonly string[];
}

export function databaseIntents(
  { clock, random }: EngineEnvironment,
  connections: Connections,
): Intents<IntendedUser> {
  return new Intents({
    busyTime,
    busyMessage: 'a database user may still be being made',
    end: (view, user) => drop(connections, view, user),
    clock,
    random,
  });
}

async function drop(connections: Connections, view: View, user: IntendedUser): Promise<void> {
  await connections.use(view, user.connection, async (session) => {
    const ways = [user.rollback, await revocationOf(view, user)];
    for (const statements of ways.filter(({ length }) => length > 0)) {
      // They may count on what was not made yet: the plug-in's own way decides.
      await session.dropUser(user.username, statements).catch((error: unknown) => {
        if (asCofferError(error).code !== 'invalid_request') throw error;
      });
    }
    await session.dropUser(user.username, []);
  });
}

/** The statements that end a user: the role's of now, or of then where the role is gone. */
export async function revocationOf(view: View, user: UserPlace): Promise<readonly string[]> {
  const role = await view.read(rolePath(user.role));
  return role === undefined ? user.revocation : decodeRole(role.open()).revocation;
}
