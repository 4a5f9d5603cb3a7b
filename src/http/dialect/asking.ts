/** How a dialect's requests reach the road: as the listener makes requests, and each within its rate. */
import type { Request } from '../../core/request.ts';
import { CofferError } from '../../errors.ts';
import { rateVerdict } from '../rate-headers.ts';
import { closeUnsent } from '../send-stream.ts';
import type { Wire } from '../wire.ts';
import type { Ask, Wish } from './dialect.ts';

/** @param requestOf what the listener makes of a wish, with an id of its own each time */
export function asking({ road }: Pick<Wire, 'road'>, requestOf: (wish: Wish) => Request): Ask {
  let isFirst = true;
  return async (wish) => {
    const request = requestOf(wish);
    // The rate of the first one was looked at before its body was read.
    if (!isFirst) {
      const { path, remoteAddress, token } = request;
      const verdict = await rateVerdict(road, path, remoteAddress, token !== undefined);
      if (verdict?.admitted === false) throw new CofferError('rate_limited', 'rate limit quota exceeded');
    }
    isFirst = false;
    const answer = await road.handle(request);
    if (answer.kind !== 'stream') return answer;
    await closeUnsent(answer.body, () => undefined);
    throw new CofferError('internal', 'a dialect has no way to send a stream');
  };
}
