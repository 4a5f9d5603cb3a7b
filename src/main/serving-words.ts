/** What a server says once it serves. */
import { firstSteps } from './first-start.ts';
import type { WorkerReady } from './workers/protocol.ts';

const emptyNote = 'There is no store yet: `coffer operator init` makes one.\n';
const waitingNote =
  'The store is sealed: its key is elsewhere and does not open it now. It is asked again until it does; the log says why.\n';
const sealedNote = 'The store is sealed: `coffer operator unseal` opens it.\n';

/**
 * The first line on standard output, and what is still to be done.
 *
 * @param place of the store, for people
 */
export function servingWords(
  { addresses, isNew, initialized, sealed, waits }: WorkerReady,
  place: string,
): string {
  const all = addresses.join(', ');
  const serving = isNew ? firstSteps(all) : `Serving ${place} on ${all}\n`;
  return serving + (initialized ? (sealed ? (waits ? waitingNote : sealedNote) : '') : emptyNote);
}
