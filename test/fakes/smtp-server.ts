/** A mail server for tests (RFC 5321, RFC 3207, RFC 4954 with PLAIN), which keeps what it takes and misbehaves when a test says so. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { makeCertificate, type TestCertificate } from './certificate.ts';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Header and body as they came. */
  readonly text: string;
  readonly encrypted: boolean;
  /** `user:password`, where somebody logged in. */
  readonly login: string;
}

export type MailMood = 'takes' | 'refuses' | 'hangs' | 'no-starttls' | 'no-auth';

export class SmtpServer {
  readonly certificate: TestCertificate = makeCertificate('mail.test');
  readonly mails: ReceivedMail[] = [];
  /** Every line that came, of all connections; those of mails apart. */
  readonly lines: string[] = [];
  mood: MailMood = 'takes';
  /** Whom it lets log in, as `user:password`; anybody may send where it is empty. */
  login = '';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #context: SecureContext;

  constructor() {
    this.#context = createSecureContext({ key: this.certificate.key, cert: this.certificate.certificate });
    this.#server = createServer((socket) => this.#serve(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  open(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.mood === 'hangs') return;
    this.#talk(socket, false);
    socket.write('220 mail.test ESMTP\r\n');
  }

  #talk(socket: Socket, encrypted: boolean): void {
    const mail = { from: '', to: [] as string[], login: '' };
    let pending = '';
    let data: string | undefined;
    const say = (line: string) => void socket.write(`${line}\r\n`);
    const onData = (chunk: Buffer) => {
      pending += chunk.toString('utf8');
      for (let end = pending.indexOf('\r\n'); end >= 0; end = pending.indexOf('\r\n')) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 2);
        if (data !== undefined) {
          if (line !== '.') {
            data += `${line}\n`;
            continue;
          }
          this.mails.push({ ...mail, text: data, encrypted });
          data = undefined;
          say('250 taken');
          continue;
        }
        this.lines.push(line);
        const [word = ''] = line.split(' ');
        if (word === 'EHLO') this.#hello(say, encrypted);
        else if (word === 'STARTTLS' && this.mood !== 'no-starttls') {
          socket.off('data', onData);
          say('220 go on');
          const secure = new TLSSocket(socket, { isServer: true, secureContext: this.#context });
          secure.on('error', () => undefined);
          this.#talk(secure, true);
          return;
        } else if (word === 'AUTH' && this.mood !== 'no-auth') {
          const [, user = '', password = ''] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
            .toString()
            .split('\0');
          mail.login = `${user}:${password}`;
          say(mail.login === this.login ? '235 welcome' : `535 no such password: ${password}`);
        } else if (word === 'MAIL') {
          mail.from = line;
          say(this.mood === 'refuses' ? '451 not now, said the server' : '250 fine');
        } else if (word === 'RCPT') {
          mail.to.push(line);
          say('250 fine');
        } else if (word === 'DATA') {
          data = '';
          say('354 go on');
        } else if (word === 'QUIT') {
          say('221 bye');
          socket.end();
        } else say('500 what?');
      }
    };
    socket.on('data', onData);
  }

  #hello(say: (line: string) => void, encrypted: boolean): void {
    const abilities = [
      'mail.test',
      ...(encrypted || this.mood === 'no-starttls' ? [] : ['STARTTLS']),
      ...(this.login === '' || this.mood === 'no-auth' ? [] : ['AUTH PLAIN']),
      '8BITMIME',
    ];
    for (const [at, each] of abilities.entries()) say(`250${at < abilities.length - 1 ? '-' : ' '}${each}`);
  }
}
