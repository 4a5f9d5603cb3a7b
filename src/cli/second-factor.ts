/** The second step of a login: the codes that a server wants before there is a token. */
import type { Client } from '../client/client.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { isInteractive, readSecretLine } from './prompt.ts';
import type { Shell } from './shell.ts';

export interface Wanted {
  readonly requestId: string;
  /** Of each, a code of any one method. */
  readonly constraints: readonly (readonly WantedMethod[])[];
}

interface WantedMethod {
  readonly id: string;
  readonly name: string;
}

/** What a login's answer says is wanted; undefined where it brought a token. Throws `unavailable` for what can't be understood. */
export function wantedBy(auth: JsonObject): Wanted | undefined {
  const requirement = auth['mfa_requirement'];
  if (!isJsonObject(requirement)) return undefined;
  const { mfa_request_id: requestId, mfa_constraints: constraints } = requirement;
  if (typeof requestId !== 'string' || !isJsonObject(constraints)) throw notUnderstood();
  return { requestId, constraints: Object.values(constraints).map(methodsOf) };
}

function methodsOf(constraint: JsonValue): readonly WantedMethod[] {
  const list = isJsonObject(constraint) ? constraint['any'] : undefined;
  const known = (Array.isArray(list) ? list : []).filter(isJsonObject).flatMap((method) => {
    const { id, name } = method;
    const usable = typeof id === 'string' && method['type'] === 'totp';
    return usable ? [{ id, name: typeof name === 'string' && name !== '' ? name : id }] : [];
  });
  if (known.length === 0) throw notUnderstood();
  return known;
}

function notUnderstood(): CofferError {
  return new CofferError('unavailable', 'the server wants a second factor that this program does not know');
}

/** Times that a person may mistype. */
const mostTries = 3;

/** Asks for codes until they are right, and answers what the server then says. From standard input there is one try. */
export async function secondFactor(
  shell: Shell,
  client: Client,
  wanted: Wanted,
  fromInput: boolean,
): Promise<JsonValue | undefined> {
  const asks = isInteractive(shell);
  if (!asks && !fromInput) {
    throw new CofferError(
      'usage',
      'the login needs a one-time code: type it at a terminal, or pipe it in with --mfa-code-stdin',
    );
  }
  for (let tries = 1; ; tries++) {
    const body = { mfa_request_id: wanted.requestId, mfa_payload: await askForCodes(shell, wanted) };
    try {
      return (await client.request('POST', 'sys/mfa/validate', { body })).body;
    } catch (error) {
      const again = asks && tries < mostTries;
      if (!again || !(error instanceof CofferError) || error.code !== 'permission_denied') throw error;
      shell.ui.warn('the code was not accepted: wait for the next one');
    }
  }
}

/** One code a constraint, by method id; one that is given already is not asked for again. */
export async function askForCodes(shell: Shell, { constraints }: Wanted): Promise<JsonObject> {
  const codes: Record<string, readonly string[]> = {};
  for (const methods of constraints) {
    const [method] = methods;
    if (method === undefined || methods.some(({ id }) => codes[id] !== undefined)) continue;
    codes[method.id] = [(await readSecretLine(shell, `one-time code (${method.name})`)).trim()];
  }
  return codes;
}
