/** Making the store of a function's home. Rare, and apart: it brings the client of the Parameter Store along. */
import { saidRegion } from '../../aws/aws-options.ts';
import { callerIdentity } from '../../aws/caller.ts';
import { parameterClient } from '../../aws/ssm.ts';
import { homeNames } from '../../config/aws-home.ts';
import { CofferError } from '../../errors.ts';
import { componentLog } from '../../log.ts';
import { distinguishedRoles } from '../aws-home/founding.ts';
import { findOrMakeStore } from '../aws-home/store.ts';
import { openConfiguredSeals } from '../configured-seals.ts';
import type { FunctionWorld } from './function-node.ts';

/**
 * The same parameters and the same steps as a server's, and the same beginning (ADR 139): a store that they tell of and that is not
 * there is never made anew. It has no root token: whoever may use the key makes one on a machine of theirs.
 *
 * @param home its name. Throws `store_unusable` where parameters and place do not tell the same.
 */
export async function makeStoreOf(world: FunctionWorld, home: string): Promise<void> {
  const { env, clock, random, place, settings, log } = world;
  const region = saidRegion({ env });
  if (region === undefined) throw new CofferError('usage', 'no AWS region: set AWS_REGION');
  const parameters = parameterClient({ env, region });
  const { seals } = openConfiguredSeals(settings.seals, env, random);
  try {
    const [seal] = seals;
    if (seal === undefined) throw new CofferError('usage', 'a new store needs COFFER_SEAL');
    const rooms = {
      names: homeNames(home),
      parameters,
      clock,
      random,
      pause: (milliseconds: number) =>
        new Promise<void>((resolve) => void clock.after(milliseconds, resolve)),
      say: (text: string) => componentLog(log, 'core').info('making the store', { step: text }),
    };
    const wish = {
      place,
      seal,
      env,
      distinguished: distinguishedRoles([]),
      caller: () => callerIdentity({ env, region }),
    };
    const { isNew, storeId } = await findOrMakeStore(rooms, wish);
    if (isNew)
      componentLog(log, 'core').info('a new store has been made, without a root token', { store: storeId });
  } finally {
    for (const each of seals) each.close?.();
    parameters.close();
  }
}
