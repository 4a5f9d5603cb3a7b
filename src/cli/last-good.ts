/** Secrets from the server, or from the last-good copy while it is away. Who may no longer read them gets no copy either. */
import { ApiError } from '../client/wire-error.ts';
import { asCofferError, CofferError } from '../errors.ts';
import { duration } from './duration.ts';
import type { NamedSecret } from './format/format.ts';
import { type CachePlace, type Copy, readCopy, removeCopy, writeCopy } from './secret-cache.ts';
import type { Shell } from './shell.ts';

/** @param ttl seconds that a copy may be old */
export async function readLastGood(
  shell: Shell,
  place: CachePlace,
  ttl: number,
  read: () => Promise<readonly NamedSecret[]>,
): Promise<readonly NamedSecret[]> {
  let secrets: readonly NamedSecret[];
  try {
    secrets = await read();
  } catch (thrown) {
    if (isAway(thrown)) return copyOf(shell, place, ttl, asCofferError(thrown));
    const { code } = asCofferError(thrown);
    if (code === 'permission_denied' || code === 'not_found') removeCopy(place);
    throw thrown;
  }
  try {
    writeCopy(place, { time: shell.now(), secrets });
  } catch (error) {
    shell.ui.warn(`no copy was kept: ${asCofferError(error).message}`);
  }
  return secrets;
}

/**
 * No connection, no answer in time, or an answer that the server is not in order. A redirect to elsewhere or an answer that is not
 * the server's own is something else, and so is a record that was changed.
 */
export function isAway(thrown: unknown): boolean {
  if (thrown instanceof ApiError) return thrown.status >= 500 && thrown.code !== 'integrity';
  const error = asCofferError(thrown);
  return (error.code === 'unavailable' || error.code === 'request_timeout') && error.cause !== undefined;
}

function copyOf(shell: Shell, place: CachePlace, ttl: number, away: CofferError): readonly NamedSecret[] {
  const copy = openCopy(place, away);
  if (copy === undefined) throw away;
  const age = (shell.now() - copy.time) / 1000;
  // A copy from the future is of a clock that was wrong then or is now.
  if (age > ttl || age < 0) {
    const state = age < 0 ? 'from the future' : `${duration(age)} old, and may be ${duration(ttl)}`;
    throw new CofferError(away.code, `${away.message}; the copy in ${place.file} is ${state}`, {
      cause: away,
    });
  }
  shell.ui.warn(`${away.message}; going on with the copy of ${new Date(copy.time).toISOString()}`);
  return copy.secrets;
}

/** What counts is that the server is away: that is what a script must see, and what may be over soon. */
function openCopy(place: CachePlace, away: CofferError): Copy | undefined {
  try {
    return readCopy(place);
  } catch (error) {
    throw new CofferError(away.code, `${away.message}; ${asCofferError(error).message}`, { cause: away });
  }
}
