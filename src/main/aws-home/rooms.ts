/** What finding or making a server's home at AWS works with. */
import type { KmsClient } from '../../aws/kms.ts';
import type { KmsAdmin } from '../../aws/kms-admin.ts';
import type { ParameterClient } from '../../aws/ssm.ts';
import type { Clock } from '../../clock.ts';
import type { HomeNames } from '../../config/aws-home.ts';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';

export interface HomeRooms {
  readonly names: HomeNames;
  readonly parameters: ParameterClient;
  readonly kms: KmsClient;
  readonly keys: KmsAdmin;
  readonly clock: Clock;
  readonly random: Random;
  /** Waits so many milliseconds. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Told what is being made, a line each. */
  readonly say: (text: string) => void;
}

/** Looks for a parameter that is said to be there: the Parameter Store may show it a moment later. */
const looks = 10;
const betweenLooks = 500;

/**
 * Writes a parameter if there is none, and answers what it says then: ours, or what somebody else wrote before. Of all who ask, at
 * whatever moment, one has their own words in it. Throws `unavailable` for one that is there and does not show.
 */
export async function settle(
  { parameters, pause }: Pick<HomeRooms, 'parameters' | 'pause'>,
  name: string,
  value: string,
  description: string,
): Promise<string> {
  if ((await parameters.create(name, value, description)) === 'created') return value;
  for (let look = 0; look < looks; look++) {
    const standing = await parameters.read(name);
    if (standing !== undefined) return standing;
    await pause(betweenLooks);
  }
  throw new CofferError('unavailable', `the parameter ${name} is there and cannot be read yet: start again`);
}
