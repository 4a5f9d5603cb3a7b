/** Tokens from an OAuth 2.0 server: the provider's own, and those that are asked for only to see whether credentials are taken. */
import type { Clock } from '../clock.ts';
import { CofferError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { Outgoing, OutgoingAnswer } from '../outgoing/https.ts';
import { refusal, type TokenSource } from './api-place.ts';

/** Who asks, by name and secret. */
export interface ClientLogin {
  readonly id: string;
  /** Null for a public client. */
  readonly secret: string | null;
}

export interface TokenServer {
  readonly url: string;
  /** PEM; empty for the platform's. */
  readonly ca: string;
}

/** Milliseconds that a token is asked for anew before it ends, and for which one of unknown length is used. */
const margin = 30_000;
const usualLife = 60_000;

export function fixedToken(token: string): TokenSource {
  return { token: async () => token, refused: () => false };
}

/** Asked for when it is needed, and kept while it is good. */
export class GrantedToken implements TokenSource {
  readonly #server: TokenServer;
  readonly #login: ClientLogin;
  readonly #form: Readonly<Record<string, string>>;
  readonly #clock: Clock;
  readonly #ask: Outgoing;
  #held: { readonly token: string; readonly until: number } | undefined;

  /** @param form the grant's own parameters (RFC 6749 §4.3.2, §4.4.2) */
  constructor(
    server: TokenServer,
    login: ClientLogin,
    form: Readonly<Record<string, string>>,
    { clock, ask }: { readonly clock: Clock; readonly ask: Outgoing },
  ) {
    this.#server = server;
    this.#login = login;
    this.#form = form;
    this.#clock = clock;
    this.#ask = ask;
  }

  async token(signal: AbortSignal): Promise<string> {
    const held = this.#held;
    if (held !== undefined && this.#clock.steady() < held.until) return held.token;
    const answer = await askForToken(this.#ask, this.#server, this.#login, this.#form, signal);
    const { host } = new URL(this.#server.url);
    const { access_token: token, expires_in: life } = objectOf(answer);
    if (answer.status !== 200) throw ownRefusal(host, answer, this.#clock);
    if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token))
      throw new CofferError('unavailable', `${host} answered without a token`);
    const milliseconds = typeof life === 'number' && life > 0 ? life * 1_000 : usualLife;
    this.#held = { token, until: this.#clock.steady() + Math.max(0, milliseconds - margin) };
    return token;
  }

  refused(token: string): boolean {
    if (this.#held?.token === token) this.#held = undefined;
    return true;
  }
}

/** Whether a login is taken: a password by a client that may ask for its user, or a client by itself. */
export async function tryGrant(
  ask: Outgoing,
  server: TokenServer,
  login: ClientLogin,
  form: Readonly<Record<string, string>>,
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: Clock },
): Promise<'accepted' | 'refused' | 'unknown'> {
  const answer = await askForToken(ask, server, login, form, signal);
  const { access_token: token, error } = objectOf(answer);
  if (answer.status === 200 && typeof token === 'string') return 'accepted';
  if (answer.status === 429 || answer.status >= 500)
    throw refusal(new URL(server.url).host, 'try a credential', answer, clock);
  if (error === 'invalid_grant') return 'refused';
  // Who asks for another is the one that is not known then, and nothing is said of the other.
  const ofItself = form['grant_type'] === 'client_credentials';
  return ofItself && (error === 'invalid_client' || answer.status === 401) ? 'refused' : 'unknown';
}

function askForToken(
  ask: Outgoing,
  { url, ca }: TokenServer,
  { id, secret }: ClientLogin,
  form: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<OutgoingAnswer> {
  const isPublic = secret === null && id !== '';
  const body = new URLSearchParams(isPublic ? { ...form, client_id: id } : form).toString();
  return ask({
    url,
    method: 'POST',
    ca,
    signal,
    body,
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      ...(secret === null ? {} : { Authorization: basic(id, secret) }),
    },
  });
}

/** Each part is form-encoded first (RFC 6749 §2.3.1). */
function basic(id: string, secret: string): string {
  const encoded = (text: string) => new URLSearchParams({ x: text }).toString().slice(2);
  return `Basic ${Buffer.from(`${encoded(id)}:${encoded(secret)}`).toString('base64')}`;
}

function objectOf({ body }: OutgoingAnswer): JsonObject {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return isJsonObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

/** 400 is what OAuth servers say to a login that they do not take (RFC 6749 §5.2). */
function ownRefusal(host: string, answer: OutgoingAnswer, clock: Clock): CofferError {
  if (answer.status !== 400) return refusal(host, 'give the provider’s own token', answer, clock);
  return new CofferError('permission_denied', `${host} does not take the provider’s own login (status 400)`);
}
