/** The form that requests of OAuth 2.0 are (RFC 6749 appendix B): one field of a name, or it could be read in two ways. */
import { CofferError } from '../../errors.ts';
import { mediaTypeOf } from '../media-type.ts';
import { parseFields } from '../target.ts';

export type Form = Readonly<Record<string, string | undefined>>;

/** Room for a token, a long list of scopes, and names that nobody knows. */
export const longestForm = 64 * 1024;
const mostFields = 100;

const formType = 'application/x-www-form-urlencoded';

/**
 * Fields by name; one without a value counts as not sent (RFC 6749 §3.2). Nothing of what was sent is in what it throws:
 * `payload_too_large`, `unsupported_media_type`, `invalid_request`.
 */
export function parseForm(bytes: Buffer, contentType: string | undefined): Form {
  if (bytes.length > longestForm) {
    throw new CofferError('payload_too_large', `the form is larger than ${longestForm} bytes`);
  }
  if (mediaTypeOf(contentType) !== formType || !isUtf8Form(contentType)) {
    throw new CofferError(
      'unsupported_media_type',
      `the body is a form in UTF-8: send it as Content-Type: ${formType}, with name=value and & between`,
    );
  }
  const fields = parseFields(bytes.toString('latin1'), 'the form', mostFields, () => {
    throw new CofferError('invalid_request', 'a field of the form is sent twice: once is right');
  });
  return withoutEmpty(fields as Form);
}

/** The fields of a query. RFC 6749 §3.2 has all of them in the form; `realm` alone was always sent here, and means nothing. */
export function checkQuery(query: string): void {
  const names = Object.keys(parseFields(query, 'the query', mostFields, (values) => values));
  if (names.every((name) => name === 'realm')) return;
  throw new CofferError(
    'invalid_request',
    'the query takes realm and nothing else: send all other fields in the form, where no log shows them',
  );
}

function isUtf8Form(contentType = ''): boolean {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)"?/i.exec(contentType)?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset);
}

function withoutEmpty(fields: Form): Form {
  const sent = Object.entries(fields).filter(([, value]) => value !== '');
  return Object.assign(Object.create(null) as Form, Object.fromEntries(sent));
}
