/**
 * `webhook`: a letter is posted as JSON, with a signature by which the receiver knows that it comes from here, is whole, and is not an
 * old one played again. Headers and signature are those of Standard Webhooks 1.0, which libraries of receivers check.
 */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { CofferError } from '../../errors.ts';
import { createOutgoing, hostOf, parseOutgoingUrl } from '../../outgoing/https.ts';
import { letterJson, type NotifierType, refuseOthers } from '../notifier.ts';

/** Milliseconds for a request and its answer. */
const patience = 10_000;
/** Requests of one webhook under way: one that hangs takes nothing from others. */
const atOnce = 32;
/** Of an answer nothing is used; more than this is not read. */
const longestAnswer = 64 * 1024;
const leastSecretBytes = 24;

export const webhook: NotifierType = {
  type: 'webhook',
  summary: 'Posts notices to a URL, signed',
  secret: 'the key that posts are signed with: whsec_ and base64 of 24 bytes or more, or a text as long',
  open({ options, secret }, clock) {
    refuseOthers(options, ['url', 'ca']);
    const { url = '', ca = '' } = options;
    checkUrl(url);
    const key = signingKey(secret);
    const ask = createOutgoing({ patience, atOnce });
    return {
      async deliver(letter, signal) {
        const body = letterJson(letter);
        const timestamp = String(Math.floor(clock.now() / 1_000));
        const answer = await ask({
          url,
          method: 'POST',
          body,
          ca,
          signal,
          longest: longestAnswer,
          headers: {
            'Content-Type': 'application/json',
            'webhook-id': letter.id,
            'webhook-timestamp': timestamp,
            'webhook-signature': signature(key, letter.id, timestamp, body),
          },
        });
        if (answer.status >= 200 && answer.status < 300) return;
        throw new CofferError(
          'unavailable',
          `${new URL(url).host} answered the webhook with status ${answer.status}, and not with one of 200 to 299`,
        );
      },
      close: () => undefined,
    };
  },
};

/** HMAC-SHA256 over `id.timestamp.body`, the exact bytes that are sent (Standard Webhooks 1.0, "Signature scheme"). */
export function signature(key: KeyObject, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

function checkUrl(text: string): void {
  const url = parseOutgoingUrl(text, 'url');
  // It is shown to whoever may see the notifier: what proves a post is its signature.
  if (url.search !== '') {
    throw new CofferError(
      'invalid_request',
      'url must not have a query: it would be shown, and may be a secret',
    );
  }
  if (hostOf(url) === '') throw new CofferError('invalid_request', 'url has no host');
}

/** @throws `invalid_request` for a secret that could be guessed, or is not what it says that it is */
function signingKey(secret: string): KeyObject {
  const [, coded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  if (secret.startsWith('whsec_') && coded === undefined) {
    throw new CofferError('invalid_request', 'a secret that begins with whsec_ goes on in base64');
  }
  const bytes = coded === undefined ? Buffer.from(secret) : Buffer.from(coded, 'base64');
  if (bytes.length < leastSecretBytes) {
    throw new CofferError(
      'invalid_request',
      `secret is the key that posts are signed with, of ${leastSecretBytes} bytes or more: whsec_ and their base64, or a text as long`,
    );
  }
  return createSecretKey(bytes);
}
