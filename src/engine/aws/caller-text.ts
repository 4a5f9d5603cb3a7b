/**
 * Texts with places for what is known of the caller: names of sessions, identities of sources, values of tags. A place is a name
 * between double braces and nothing else, so that no value is ever read as part of the template.
 */
import type { Caller } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';

export interface CallerTextInput {
  readonly caller: Caller | undefined;
  readonly roleName: string;
  readonly requestId: string;
}

export interface Place {
  /** As in `token.metadata.issuer`. */
  readonly name: string;
}

export type TextPart = string | Place;

const longestTemplate = 512;
const metadata = 'token.metadata.';

/** Throws `invalid_request` for what is no such text. `what` is the field's name. */
export function parseCallerText(what: string, template: string): readonly TextPart[] {
  if (template.length > longestTemplate) throw refused(what, `it has at most ${longestTemplate} characters`);
  const parts = template.split(/\{\{\s*([^{}]{0,200}?)\s*\}\}/);
  return parts.flatMap((text, at): readonly TextPart[] => {
    if (at % 2 === 1) return [{ name: knownPlace(what, text) }];
    if (/\{\{|\}\}/.test(text)) throw refused(what, 'its braces do not match');
    return text === '' ? [] : [text];
  });
}

function knownPlace(what: string, name: string): string {
  if (name.startsWith(metadata) && /^[\w.-]{1,128}$/.test(name.slice(metadata.length))) return name;
  if (Object.hasOwn(places, name)) return name;
  throw refused(what, `it knows ${Object.keys(places).join(', ')} and ${metadata}NAME`);
}

const places: Readonly<Record<string, (input: CallerTextInput) => string>> = {
  'token.display_name': ({ caller }) => caller?.displayName ?? '',
  'identity.entity.id': ({ caller }) => caller?.entityId ?? '',
  role: ({ roleName }) => roleName,
  'request.id': ({ requestId }) => requestId,
};

/**
 * What stands at a place. Throws `invalid_request` where the caller has nothing of that name: without it two callers would be one.
 */
export function placeValue({ name }: Place, input: CallerTextInput): string {
  const value = name.startsWith(metadata)
    ? ownValue(input.caller?.metadata ?? {}, name.slice(metadata.length))
    : places[name]?.(input);
  if (value !== undefined && value !== '') return value;
  throw new CofferError('invalid_request', `this role wants ${name}, which your token does not have`);
}

function ownValue(record: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function refused(what: string, why: string): CofferError {
  return new CofferError('invalid_request', `${what} cannot be used: ${why}`);
}
