/** Refusals in OAuth 2.0's own words (RFC 6749 §5.2, RFC 7009 §2.2.1, RFC 7662 §2.3), as answers that are plain JSON. */
import type { Fields, Handler, ResponseSchema } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';

const statuses = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
} as const;

export type OAuthError = keyof typeof statuses;

/** Members of an answer that is a refusal. */
export const refusalSchema = {
  error: { type: 'string', optional: true, help: 'In place of all others: a code of RFC 6749 §5.2.' },
  error_description: { type: 'string', optional: true },
} as const satisfies ResponseSchema;

export class OAuthRefusal extends CofferError {
  readonly error: OAuthError;

  /** @param description printable ASCII without quotes and backslashes, as RFC 6749 §5.2 has it; nothing that was sent */
  constructor(error: OAuthError, description: string) {
    super('permission_denied', description);
    this.name = 'OAuthRefusal';
    this.error = error;
  }
}

/** One answer, whatever is wrong with the client: that there is none of this id, or another's secret, or a user that is disabled. */
export function invalidClient(): OAuthRefusal {
  return new OAuthRefusal('invalid_client', 'the client is not known, or its secret is another');
}

/** The same for users. */
export function invalidGrant(): OAuthRefusal {
  return new OAuthRefusal(
    'invalid_grant',
    'the user is not known, its password is another, or the client is of another application',
  );
}

/** A handler whose refusals are answers. Their audit line is on disk first, whatever they were about: the same work for each. */
export function answering<F extends Fields>(handle: Handler<F>): Handler<F> {
  return async (call) => {
    try {
      return await handle(call);
    } catch (thrown) {
      if (!(thrown instanceof OAuthRefusal)) throw thrown;
      const { error, message } = thrown;
      return { data: { error, error_description: message }, status: statuses[error], durable: true };
    }
  };
}
