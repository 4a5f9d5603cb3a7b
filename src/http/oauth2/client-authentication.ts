/** How a client shows who it is over HTTP (RFC 6749 §2.3.1): by the Basic scheme, or in the form, and never by both. */
import { isUtf8 } from 'node:buffer';
import { CofferError } from '../../errors.ts';
import { percentDecode } from '../percent.ts';
import type { Form } from './form.ts';

export interface ShownClient {
  readonly client_id?: string;
  readonly client_secret?: string;
}

/** @param header as sent; undefined without one. Throws `invalid_request` for what can be read in two ways or in none. */
export function clientShown(header: string | undefined, form: Form): ShownClient {
  const { client_id: id, client_secret: secret } = form;
  if (header === undefined) {
    return {
      ...(id === undefined ? {} : { client_id: id }),
      ...(secret === undefined ? {} : { client_secret: secret }),
    };
  }
  const basic = readBasic(header);
  if (secret !== undefined) {
    throw wrong('the client shows a secret both in the header Authorization and in the form: once is right');
  }
  // Some programs repeat the id; it must then be the same one.
  if (id !== undefined && id !== basic.client_id) {
    throw wrong('the client has one id in the header Authorization and another in the form');
  }
  return basic;
}

/** RFC 7617 §2; both parts are form-encoded besides (RFC 6749 §2.3.1), which leaves ids and secrets of ours as they are. */
function readBasic(header: string): Required<ShownClient> {
  const encoded = /^basic +([A-Za-z0-9+/]{1,8192}={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) {
    throw wrong(
      'a client is shown by Authorization: Basic with id:secret in base64, or by client_id and client_secret in the form',
    );
  }
  const bytes = Buffer.from(encoded, 'base64');
  const text = bytes.toString('latin1');
  const colon = text.indexOf(':');
  if (!isUtf8(bytes) || colon < 1) {
    throw wrong('the header Authorization: Basic does not hold id:secret in base64');
  }
  return { client_id: decode(text.slice(0, colon)), client_secret: decode(text.slice(colon + 1)) };
}

function decode(text: string): string {
  return percentDecode(text.replaceAll('+', ' '), 'the header Authorization');
}

function wrong(message: string): CofferError {
  return new CofferError('invalid_request', message);
}
