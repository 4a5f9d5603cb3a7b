/** For whom a JWT is: `aud` is one text or a list of texts, and nothing else (RFC 7519 §4.1.3). */
import { CofferError } from '../../errors.ts';
import type { JsonObject, JsonValue } from '../../json.ts';

/** Empty where the token names none. Throws `invalid_request` for anything but texts. */
export function audiencesOf(claims: JsonObject): readonly string[] {
  if (!Object.hasOwn(claims, 'aud')) return [];
  const aud = claims['aud'];
  const all: readonly (JsonValue | undefined)[] = Array.isArray(aud) ? aud : [aud];
  if (all.every((one) => typeof one === 'string')) return all;
  throw new CofferError('invalid_request', 'the claim "aud" is not a text or a list of texts');
}
