/** Response wrapping: an answer goes into the cubbyhole of a token made for it, and the caller is told that token instead. */
import { asCofferError } from '../errors.ts';
import { isJsonObject } from '../json.ts';
import type { Outcome } from './carry-out.ts';
import type { Core } from './core.ts';
import type { Answer, Request } from './request.ts';
import { checkWrapTtl } from './wrapping/wrappings.ts';

type Envelope = Extract<Answer, { kind: 'envelope' }>;

/** An answer as the wire has it; the listener's own encoder. */
export type EncodeAnswer = (answer: Answer) => string | undefined;

/** Whom the wrapping token counts against: see `identityOf`. Undefined for callers that go back to no login. */
export type WrapHolder = string | undefined;

/** What can be known before anything is done. Throws `invalid_request`, and `rate_limited` where the holder has too many tokens. */
export async function admitWrapping(core: Core, ttl: number, holder: WrapHolder): Promise<void> {
  checkWrapTtl(ttl);
  if (holder !== undefined) await core.ceilings.admitToken(holder);
}

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
  if (auth !== null) return auth.accessor;
  const accessor = isJsonObject(data) ? data['secret_id_accessor'] : undefined;
  return typeof accessor === 'string' ? accessor : undefined;
}
