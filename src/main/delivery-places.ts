/** Where deliveries may go, out of the settings as they are now. */
import { dirname, join } from 'node:path';
import type { Places } from '../config/paths.ts';
import type { DeliverySettings } from '../config/settings.ts';
import type { DeliveryPlaces, ListedPlaces } from '../delivery/places.ts';
import { CofferError } from '../errors.ts';

export interface DeliverySurroundings {
  /** The directory that is taken where the settings name none; undefined takes none. */
  readonly own?: string | undefined;
  /** The data directory; undefined where nothing is on disk. */
  readonly data?: string | undefined;
}

/** Beside the data directory's usual place, and not in it: what is delivered is in the clear. */
export function ownDirectory({ data }: Pick<Places, 'data'>): string {
  return join(dirname(data), 'coffer-delivered');
}

/**
 * Reads the settings at each call. A directory in the data directory, or around it, is none of them: what stands there has rights of its own.
 *
 * @throws `usage` where such a one is listed now; one that is listed later counts as not listed
 */
export function deliveryPlaces(
  settings: () => DeliverySettings,
  { own, data }: DeliverySurroundings,
): ListedPlaces {
  const isApart = (path: string) => data === undefined || !(holds(path, data) || holds(data, path));
  if (settings().directories?.every(isApart) === false) {
    throw new CofferError('usage', 'delivery.directories has one inside the data directory, or around it');
  }
  return (): DeliveryPlaces => {
    const { directories = own === undefined ? [] : [own], ...others } = settings();
    const listed = directories.filter(isApart);
    const ownDirectory = own !== undefined && listed.includes(own) ? own : undefined;
    return { ...others, directories: listed, ownDirectory };
  };
}

function holds(folder: string, path: string): boolean {
  return `${path}/`.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}
