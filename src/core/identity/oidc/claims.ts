/**
 * Templates of claims: a JSON object in which `{{…}}` stands for a value, which is put in as JSON. Nothing of a value can therefore end
 * a text or begin a claim.
 */
import { CofferError } from '../../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../json.ts';
import { parseSelector } from '../../policy/template.ts';
import { parseDuration } from '../../ttl.ts';
import type { Identity } from '../identity.ts';

/** Claims that only the server sets. */
const reserved: ReadonlySet<string> = new Set([
  ...['iat', 'aud', 'exp', 'iss', 'sub', 'jti', 'namespace', 'nonce', 'at_hash', 'c_hash'],
]);

const longestTemplate = 16 * 1024;

type Value = (identity: Identity, now: number) => JsonValue;

/** Throws `invalid_request` for a template that would not give an object, or that sets a claim of the server's. */
export function checkTemplate(text: string): void {
  if (Buffer.byteLength(text) > longestTemplate) {
    throw new CofferError('invalid_request', `a template has at most ${longestTemplate} bytes`);
  }
  const sample = parsed(
    partsOf(text)
      .map((part) => (typeof part === 'string' ? part : '"x"'))
      .join(''),
  );
  const taken = Object.keys(sample).find((name) => reserved.has(name));
  if (taken !== undefined) {
    throw new CofferError('invalid_request', `the claim "${taken}" is set by the server and by no template`);
  }
}

/** Base64 of a template is what it encodes, as clients may send it. */
export function decodeTemplate(text: string): string {
  if (text === '' || text.includes('{')) return text;
  const decoded = Buffer.from(text, 'base64').toString('utf8');
  return decoded.includes('{') ? decoded : text;
}

/** The claims for one entity. What it does not have is an empty text. `now` in milliseconds. */
export function fillClaims(text: string, identity: Identity, now: number): JsonObject {
  if (text === '') return {};
  const parts = partsOf(text).map((part) =>
    typeof part === 'string' ? part : JSON.stringify(part(identity, now)),
  );
  return parsed(parts.join(''));
}

function partsOf(text: string): readonly (string | Value)[] {
  return text.split(/(\{\{.*?\}\})/s).map((part) => {
    const inner = /^\{\{(.*)\}\}$/s.exec(part)?.[1];
    return inner === undefined ? part : templateValue(inner.trim());
  });
}

function templateValue(name: string): Value {
  const time = /^time\.now(?:\.(plus|minus)\.(.+))?$/.exec(name);
  if (time !== null) return timeValue(time[1], time[2]);
  if (name === 'identity.entity.groups.ids') return ({ groups }) => groups.map(({ id }) => id);
  if (name === 'identity.entity.groups.names') return ({ groups }) => groups.map((group) => group.name);
  if (name === 'identity.entity.metadata') return ({ entity }) => entity.metadata;
  const whole = /^identity\.entity\.aliases\.([^.]+)\.(metadata|custom_metadata)$/.exec(name);
  if (whole !== null) {
    return ({ entity }) => {
      const alias = entity.aliases.find(({ mountAccessor }) => mountAccessor === whole[1]);
      return (whole[2] === 'metadata' ? alias?.metadata : alias?.customMetadata) ?? {};
    };
  }
  const selector = parseSelector(name);
  return (identity) => selector(identity) ?? '';
}

function timeValue(direction: string | undefined, text: string | undefined): Value {
  const seconds = text === undefined ? 0 : parseDuration(text);
  if (seconds === undefined)
    throw new CofferError('invalid_request', 'time.now.plus and .minus take a duration');
  const offset = direction === 'minus' ? -seconds : seconds;
  return (_, now) => Math.floor(now / 1_000) + offset;
}

function parsed(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new CofferError(
      'invalid_request',
      'the template is not a JSON object: {{…}} stands for a whole value, without quotes around it',
    );
  }
  if (isJsonObject(value)) return value;
  throw new CofferError('invalid_request', 'the template is not a JSON object');
}
