/** How the old program tells that something failed: its words, and its two exit codes. */
import { ApiError } from '../../client/wire-error.ts';
import { asCofferError, CofferError, type ErrorCode } from '../../errors.ts';
import { isJsonObject } from '../../json.ts';

/** 1: the command line, or something on this machine. 2: what a server said, or that it said nothing. */
export type FailureExit = 1 | 2;

export class VaultFailure extends CofferError {
  readonly exit: FailureExit;

  constructor(exit: FailureExit, message: string, code: ErrorCode = 'usage') {
    super(code, message);
    this.name = 'VaultFailure';
    this.exit = exit;
  }
}

/** A mistake on the command line. */
export function misuse(message: string): VaultFailure {
  return new VaultFailure(1, message);
}

/**
 * What a request failed with, told as the old program tells it. `doing` is such as `reading secret/foo`; `url` holds no token, and of
 * the server's words `token` is taken out. Errors that were told already pass through.
 */
export function failureOf(
  thrown: unknown,
  doing: string,
  url: string,
  token: string | undefined,
): VaultFailure {
  if (thrown instanceof VaultFailure) return thrown;
  const error = asCofferError(thrown);
  // What was never sent is a mistake on this side.
  const exit: FailureExit = error.code === 'usage' || error.code === 'invalid_request' ? 1 : 2;
  if (!(thrown instanceof ApiError))
    return new VaultFailure(exit, `Error ${doing}: ${error.message}`, error.code);
  const own = token === undefined || token === '' ? undefined : token;
  const lines = errorLines(thrown).map(
    (line) => `* ${own === undefined ? line : line.replaceAll(own, '[token]')}`,
  );
  const said = `Error making API request.\n\nURL: ${url}\nCode: ${thrown.status}. Errors:\n\n${lines.join('\n')}`;
  return new VaultFailure(2, `Error ${doing}: ${said.trimEnd()}`, error.code);
}

/** The server's own words. */
function errorLines({ body, message }: ApiError): readonly string[] {
  const errors = isJsonObject(body) ? body['errors'] : undefined;
  if (!Array.isArray(errors)) return [message];
  return errors.filter((line) => typeof line === 'string');
}
