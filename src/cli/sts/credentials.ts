/** Temporary credentials of AWS, and the answers that bring them. */
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Milliseconds since 1970; undefined where who gave them did not say. */
  readonly expiration: number | undefined;
  /** The session's ARN, where it is known: it says which partition they are for. */
  readonly arn: string | undefined;
}

/** What the engine `aws` answers. @param now milliseconds since 1970 when the answer came; throws `unavailable` for anything else */
export function fromEngine(data: JsonObject, leaseSeconds: JsonValue | undefined, now: number): Credentials {
  const seconds = typeof leaseSeconds === 'number' && leaseSeconds > 0 ? leaseSeconds : undefined;
  const arn = data['arn'];
  return checked({
    accessKeyId: data['access_key'],
    secretAccessKey: data['secret_key'],
    sessionToken: data['security_token'] ?? data['session_token'],
    expiration: seconds === undefined ? undefined : now + seconds * 1_000,
    arn: typeof arn === 'string' ? arn : undefined,
  });
}

/** What a server of the old program answers: three members and no end. */
export function fromOldAnswer(body: unknown): Credentials {
  const answer = isJsonObject(body) ? body : {};
  return checked({
    accessKeyId: answer['AccessKeyId'],
    secretAccessKey: answer['SecretAccessKey'],
    sessionToken: answer['SessionToken'],
    expiration: undefined,
    arn: undefined,
  });
}

/** Never half of them: what a shell would take up as empty variables is an error here. */
function checked(
  found: Omit<Credentials, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'> & {
    readonly accessKeyId: JsonValue | undefined;
    readonly secretAccessKey: JsonValue | undefined;
    readonly sessionToken: JsonValue | undefined;
  },
): Credentials {
  const { accessKeyId, secretAccessKey, sessionToken, expiration, arn } = found;
  if (!isWord(accessKeyId) || !isWord(secretAccessKey) || !isWord(sessionToken))
    throw new CofferError('unavailable', 'the server answered without credentials');
  return { accessKeyId, secretAccessKey, sessionToken, expiration, arn };
}

/** They go into a shell's lines and into headers: nothing but printable ASCII without blanks has ever been one. */
function isWord(value: JsonValue | undefined): value is string {
  return typeof value === 'string' && /^[!-~]{1,8192}$/.test(value);
}

/** As the AWS command line, its SDKs and their children read them. */
export function variablesOf(credentials: Credentials): readonly (readonly [string, string])[] {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return [
    ['AWS_ACCESS_KEY_ID', accessKeyId],
    ['AWS_SECRET_ACCESS_KEY', secretAccessKey],
    ['AWS_SESSION_TOKEN', sessionToken],
  ];
}
