/**
 * `smtp`: a mail. The connection is encrypted and the server's certificate checked before anything is said, unless the server is on this
 * machine; names are looked up under the same guard as everywhere, and the connection goes to the address that passed it.
 */
import { isIP } from 'node:net';
import { asCofferError, CofferError } from '../../errors.ts';
import { guardedAddress, isForbiddenAddress, isLoopbackName } from '../../outgoing/guarded-lookup.ts';
import { letterText } from '../letter-text.ts';
import {
  type Letter,
  type NotifierSettings,
  type NotifierType,
  type OpenNotifier,
  refuseOthers,
} from '../notifier.ts';

interface MailSettings {
  readonly host: string;
  readonly port: number;
  readonly tls: 'starttls' | 'implicit' | 'none';
  readonly from: string;
  readonly to: readonly string[];
  readonly username: string;
  readonly password: string;
  /** PEM certificates to trust in place of the platform's; empty for those. */
  readonly ca: string;
}

const known = ['host', 'port', 'tls', 'from', 'to', 'username', 'ca'] as const;
/** Milliseconds for each step of a connection; the whole is bounded by who waits for it. */
const patience = 10_000;
const mostRecipients = 50;
const address =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

export const smtp: NotifierType = {
  type: 'smtp',
  summary: 'Sends notices as mails',
  secret: 'the password that goes with username; none where the server wants none',
  open(settings): OpenNotifier {
    const mail = parseSettings(settings);
    return {
      async deliver(letter, signal) {
        try {
          await send(mail, letter, signal);
        } catch (error) {
          throw failure(mail, error);
        }
      },
      close: () => undefined,
    };
  },
};

/** A connection a mail: notices are rare, and one that is kept would be closed by the server meanwhile. */
async function send(mail: MailSettings, letter: Letter, signal: AbortSignal): Promise<void> {
  const { host, port, tls, username, password, ca, from, to } = mail;
  const { createTransport } = await import('nodemailer');
  const name = isIP(host) === 0 ? host : '';
  const transport = createTransport({
    host: await guardedAddress(host),
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    tls: {
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      // What the certificate must be for, whatever address it is at.
      ...(name === '' ? {} : { servername: name }),
      ...(ca === '' ? {} : { ca }),
    },
    // A server that wants no login where one is set up is another server.
    ...(username === '' ? {} : { auth: { user: username, pass: password }, forceAuth: true }),
    name: 'coffer',
    connectionTimeout: patience,
    greetingTimeout: patience,
    socketTimeout: patience,
    logger: false,
  });
  const { subject, body } = letterText(letter);
  try {
    await transport.sendMail({
      from: { name: 'Coffer', address: from },
      to: [...to],
      subject: subject.replace(/\p{Cc}+/gu, ' '),
      text: body,
      date: new Date(letter.at),
      // The same whenever it is sent again: mailboxes show it once.
      messageId: `<${letter.id}@${from.slice(from.indexOf('@') + 1)}>`,
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Coffer-Kind': letter.kind },
      disableFileAccess: true,
      disableUrlAccess: true,
      signal,
    });
  } finally {
    transport.close();
  }
}

/** Throws `invalid_request` for the first thing that is wrong. */
function parseSettings({ options, secret: password }: NotifierSettings): MailSettings {
  refuseOthers(options, known);
  const { host = '', from = '', to: list = '', username = '', ca = '', tls = 'starttls' } = options;
  if (!/^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|[0-9A-Fa-f:.]{2,45})$/.test(host)) {
    throw wrong('host is the name or the address of a mail server');
  }
  if (isIP(host) !== 0 && isForbiddenAddress(host, isLoopbackName(host))) {
    throw wrong('host is an address that is never asked');
  }
  if (tls !== 'starttls' && tls !== 'implicit' && tls !== 'none') {
    throw wrong('tls is starttls, implicit, or none, which is for a server on this machine');
  }
  if (tls === 'none' && !isLoopbackName(host)) {
    throw wrong('tls can be none only where the mail server is on this machine (localhost)');
  }
  const { port: text = tls === 'implicit' ? '465' : '587' } = options;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw wrong('port is a number from 1 to 65535');
  const to = list.split(',').map((each) => each.trim());
  if (!isAddress(from)) throw wrong('from is a mail address such as coffer@example.com');
  if (to.length > mostRecipients || !to.every(isAddress)) {
    throw wrong(`to is at most ${mostRecipients} mail addresses with commas between them`);
  }
  if ((username === '') !== (password === '')) {
    throw wrong('username and secret, its password, go together, or are both absent');
  }
  if (/\p{Cc}/u.test(username) || /[\r\n\0]/.test(password)) {
    throw wrong('username and password are single lines');
  }
  return { host, port, tls, from, to, username, password, ca };
}

function isAddress(text: string): boolean {
  return text.length <= 254 && address.test(text);
}

function wrong(message: string): CofferError {
  return new CofferError('invalid_request', message);
}

/** What mail servers say is theirs, and may repeat what they were told: only codes are passed on, the cause is left out, too. */
function failure({ host, port }: MailSettings, error: unknown): CofferError {
  if (error instanceof CofferError) return error;
  const { code, responseCode } = partsOf(error);
  const status = responseCode === undefined ? '' : `, status ${responseCode}`;
  const message = `the mail server ${host}:${port} did not take the mail (${code}${status})`;
  return new CofferError('unavailable', message, { cause: new Error(asCofferError(error).code) });
}

function partsOf(error: unknown): { readonly code: string; readonly responseCode: number | undefined } {
  const { code, responseCode }: { code?: unknown; responseCode?: unknown } =
    typeof error === 'object' && error !== null ? error : {};
  return {
    code: typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? code : 'no connection',
    responseCode: typeof responseCode === 'number' ? responseCode : undefined,
  };
}
