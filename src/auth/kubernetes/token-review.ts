/** Asks a cluster's API server whether a token is good (TokenReview of authentication.k8s.io/v1). */
import { parseStrictObject } from '../../crypto/jwt/strict-json.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject } from '../../json.ts';
import type { Outgoing } from '../../outgoing/https.ts';

export interface ReviewOrder {
  readonly host: string;
  readonly ca: string;
  /** As whom it is asked. */
  readonly bearer: string;
  /** Whose it is asked about. */
  readonly token: string;
  /** Empty for those that the API server itself is one of. */
  readonly audience: string;
  readonly signal: AbortSignal;
}

/** Whom the API server says the token is of. */
export interface Reviewed {
  readonly userName: string;
  readonly uid: string;
}

const path = '/apis/authentication.k8s.io/v1/tokenreviews';

/**
 * Throws `invalid_request` for a token that is not good, `unavailable` when the API server does not say, also because it does not
 * let the reviewer ask.
 */
export async function reviewToken(outgoing: Outgoing, order: ReviewOrder): Promise<Reviewed> {
  const { host, ca, bearer, token, audience, signal } = order;
  const spec = { token, ...(audience === '' ? {} : { audiences: [audience] }) };
  const answer = await outgoing({
    url: host + path,
    method: 'POST',
    headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec }),
    ca,
    signal,
  });
  // Who asks by the very token in question is told by the same status that the token is not good.
  if ((answer.status === 401 || answer.status === 403) && bearer === token) {
    throw refused('the API server does not take the token, or does not let it review itself');
  }
  if (answer.status !== 200 && answer.status !== 201) {
    throw new CofferError(
      'unavailable',
      `the Kubernetes API server answered the review with status ${answer.status}`,
    );
  }
  return readReview(answer.body, audience);
}

/** A review that is anything but a plain yes is a no. */
function readReview(body: Buffer, audience: string): Reviewed {
  const review = parseStrictObject(body, 'the review');
  const { kind, status } = review;
  if (kind !== 'TokenReview' || !isJsonObject(status)) throw refused('the API server answered no review');
  const { authenticated, error, user, audiences } = status;
  if (authenticated !== true || (error !== undefined && error !== '')) {
    throw refused('the API server does not know the token');
  }
  // A server that knows of audiences says which of them the token is for; one that does not has not looked.
  if (audience !== '' && !(Array.isArray(audiences) && audiences.includes(audience))) {
    throw refused('the token is for another audience');
  }
  if (!isJsonObject(user)) throw refused('the review names nobody');
  const { username, uid } = user;
  if (typeof username !== 'string' || typeof uid !== 'string') throw refused('the review names nobody');
  return { userName: username, uid };
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
