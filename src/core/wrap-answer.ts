/** Response wrapping: an answer goes into the cubbyhole of a token made for it, and the caller is told that token instead. */
import { asCofferError, CofferError } from '../errors.ts';
import { isJsonObject } from '../json.ts';
import type { Outcome } from './carry-out.ts';
import type { Core } from './core.ts';
import type { OperationSpec } from './endpoint.ts';
import type { Mount } from './mount/table.ts';
import type { Answer, Request } from './request.ts';
import type { TokenRecord } from './token/record.ts';
import { checkWrapTtl } from './wrapping/wrappings.ts';

type Envelope = Extract<Answer, { kind: 'envelope' }>;

/** What a request that wants its answer wrapped is admitted by. */
export interface Wish {
  readonly request: Request;
  readonly mount: Mount;
  readonly spec: OperationSpec;
  /** The caller's; undefined without one. */
  readonly token: TokenRecord | undefined;
}

/**
 * Before anything is done, so that a request whose answer cannot be wrapped changes nothing. Throws `invalid_request`, and
 * `rate_limited` where the caller's identity holds as many tokens as it may.
 */
export async function admitWrapping(core: Core, { request, mount, spec, token }: Wish): Promise<void> {
  checkWrapTtl(request.wrapTtl);
  if (spec.streams === true) {
    throw new CofferError(
      'invalid_request',
      'a stream of bytes cannot be wrapped: ask without X-Vault-Wrap-TTL',
    );
  }
  if (spec.unwraps === true) {
    throw new CofferError(
      'invalid_request',
      'what is unwrapped is not wrapped again: ask sys/wrapping/rewrap for another wrapping token',
    );
  }
  // Whoever logs in gets something worth keeping. What is open to everybody is not, and strangers could fill the store with it.
  if (token === undefined && mount.entry.kind !== 'auth' && spec.plain !== true && spec.logsIn !== true) {
    throw new CofferError('invalid_request', 'without a token only logins are wrapped');
  }
  if (token?.identity !== undefined && spec.plain !== true) await core.ceilings.admitToken(token.identity);
}

/** An answer as the wire has it; the listener's own encoder. */
export type EncodeAnswer = (answer: Answer) => string | undefined;

/** Whom the wrapping token counts against: see `identityOf`. Undefined for callers that go back to no login. */
export type WrapHolder = string | undefined;

/**
 * Nothing and errors stay as they are. Where the answer cannot be stored, what it would have brought is taken back: a caller who
 * asked for wrapping must never get it in the clear.
 */
export async function wrapOutcome(
  core: Core,
  request: Request,
  outcome: Outcome,
  holder: WrapHolder,
  encode: EncodeAnswer,
): Promise<Outcome> {
  const { answer } = outcome;
  if (answer.kind !== 'envelope' || answer.status >= 400 || answer.wrap !== null) return outcome;
  // There is no token yet: the second step of the login has its answer wrapped.
  if (answer.auth?.mfaRequirement !== undefined) return outcome;
  try {
    const wrap = await core.wrappings.wrap({
      text: encode({ ...answer, requestId: '' }) ?? '',
      ttl: request.wrapTtl,
      creationPath: request.path,
      wrappedAccessor: accessorIn(answer),
      identity: holder,
    });
    return {
      ...outcome,
      durable: true,
      answer: { ...answer, data: null, auth: null, lease: null, warnings: null, repeatData: false, wrap },
      undo: async () => {
        await core.tokens.revoke(core.tokens.idOf(wrap.token));
        await outcome.undo?.();
      },
    };
  } catch (error) {
    await outcome.undo?.();
    throw asCofferError(error);
  }
}

function accessorIn({ auth, data }: Envelope): string | undefined {
  // A batch token has none.
  if (auth !== null) return auth.accessor === '' ? undefined : auth.accessor;
  const accessor = isJsonObject(data) ? data['secret_id_accessor'] : undefined;
  return typeof accessor === 'string' ? accessor : undefined;
}
