/**
 * A server's home at AWS: a KMS key, a place for the store, and the parameters that tell of both. Servers of the same name have the
 * same one; the first finds nothing and makes it.
 */

import { saidRegion } from '../../aws/aws-options.ts';
import { callerIdentity } from '../../aws/caller.ts';
import { instanceRegion } from '../../aws/instance-region.ts';
import { kmsClient } from '../../aws/kms.ts';
import { kmsAdmin } from '../../aws/kms-admin.ts';
import { parameterClient } from '../../aws/ssm.ts';
import type { Clock } from '../../clock.ts';
import { type HomeNames, nameTag } from '../../config/aws-home.ts';
import type { StorageSetting } from '../../config/settings.ts';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { StoragePlace } from '../../storage/storage-type.ts';
import { openConfiguredSeals } from '../configured-seals.ts';
import { storagePlace } from '../storage-place.ts';
import { findOrMakeKey } from './key.ts';
import { asLacking, requireRights } from './rights.ts';
import type { HomeRooms } from './rooms.ts';
import { findOrMakeStore } from './store.ts';

export interface HomeWish {
  readonly names: HomeNames;
  /** Where the store is to be; in a table of DynamoDB unless told. */
  readonly storage: StorageSetting | undefined;
  /** Roles of IAM that administer a new store. */
  readonly distinguished: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly pause: HomeRooms['pause'];
  readonly say: HomeRooms['say'];
}

/** What a server is told in place of settings. */
export interface Home {
  readonly storage: StorageSetting;
  /** Address of its seal. */
  readonly seal: string;
  readonly storeId: string;
  readonly isNew: boolean;
}

/**
 * May be asked any number of times, at the same time too, and again after it failed or was cut off at any step. Throws
 * `permission_denied` with everything that AWS denies, as far as it can be tried out.
 */
export async function findOrMakeHome(wish: HomeWish): Promise<Home> {
  return withRooms(wish, async (rooms, region) => {
    const storage = wish.storage ?? tableStorage(wish.names, region);
    const place = storagePlace(storage, '/');
    if (!place.lasting) {
      throw new CofferError(
        'usage',
        'a store in memory ends with its server: --aws goes with a lasting --storage',
      );
    }
    await requireRights(rooms, place.kind === 'dynamodb' ? wish : undefined, region);
    return makeAll(wish, rooms, { region, storage, place }).catch((error: unknown) => {
      throw asLacking(error, wish.names);
    });
  });
}

interface HomePlace {
  readonly region: string;
  readonly storage: StorageSetting;
  readonly place: StoragePlace;
}

async function makeAll(
  wish: HomeWish,
  rooms: HomeRooms,
  { region, storage, place }: HomePlace,
): Promise<Home> {
  const keyArn = await findOrMakeKey(rooms);
  const seal = `awskms:${keyArn}`;
  const { seals } = openConfiguredSeals([seal], wish.env, wish.random);
  try {
    const [first] = seals;
    if (first === undefined) throw new CofferError('internal', 'an address without a seal');
    const { env, distinguished } = wish;
    const found = await findOrMakeStore(rooms, {
      place,
      seal: first,
      env,
      distinguished,
      caller: () => callerIdentity({ env, region }),
    });
    return { storage, seal, ...found };
  } finally {
    for (const each of seals) each.close?.();
  }
}

/** Runs something with clients of the region that everything is in; they are closed then. Throws `usage` where nobody says which. */
export async function withRooms<T>(
  { names, env, clock, random, pause, say }: HomeWish,
  run: (rooms: HomeRooms, region: string) => Promise<T>,
): Promise<T> {
  const region = await regionOf(env);
  const options = { env, region };
  const clients = {
    parameters: parameterClient(options),
    kms: kmsClient(options),
    keys: kmsAdmin(options),
  };
  try {
    return await run({ names, clock, random, pause, say, ...clients }, region);
  } finally {
    for (const client of Object.values(clients)) client.close();
  }
}

/** What the environment says, else the profile, else the instance. */
async function regionOf(env: HomeWish['env']): Promise<string> {
  const asking = parameterClient({ env });
  asking.prepare();
  const said = saidRegion({ env }) ?? (await asking.region());
  asking.close();
  const region = said ?? (await instanceRegion(env));
  if (region !== undefined) return region;
  throw new CofferError(
    'usage',
    'no AWS region: set AWS_REGION, or set it in the profile; this is no instance of EC2 that says one',
  );
}

function tableStorage({ table, name }: HomeNames, region: string): StorageSetting {
  return { url: `dynamodb:${table}?region=${region}&tag=${nameTag}=${name}`, base: '/' };
}
