import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../test/fakes/certificate.ts';
import { SmtpServer } from '../../../test/fakes/smtp-server.ts';
import { systemClock } from '../../clock.ts';
import { letter, never, notifierContract } from '../notifier.contract.ts';
import { smtp } from './smtp.ts';

let server: SmtpServer;
beforeEach(async () => {
  server = new SmtpServer();
  await server.open();
});
afterEach(() => server.close());

const options = () => ({
  host: '127.0.0.1',
  port: String(server.port),
  from: 'coffer@example.com',
  to: 'ann@example.com, bob@example.org',
  ca: server.certificate.certificate,
});
const open = (more: Readonly<Record<string, string>> = {}, secret = '') =>
  smtp.open({ options: { ...options(), ...more }, secret }, systemClock);

describe('mails', () => {
  notifierContract(() => ({
    type: smtp,
    settings: { options: options(), secret: '' },
    async arrived() {
      const ids = server.mails.map(({ text }) => /^Message-ID: <([^@]+)@/im.exec(text)?.[1] ?? '');
      server.mails.length = 0;
      return ids;
    },
    fail: () => {
      server.mood = 'refuses';
    },
    hang: () => {
      server.mood = 'hangs';
    },
  }));

  it('are encrypted, logged in for, and say what they are', async () => {
    server.login = 'coffer:pass word';
    await open({ username: 'coffer' }, 'pass word').deliver(letter(), never());
    const [mail] = server.mails;
    expect(mail).toMatchObject({
      encrypted: true,
      login: 'coffer:pass word',
      from: expect.stringMatching(/^MAIL FROM:<coffer@example\.com>/) as string,
      to: ['RCPT TO:<ann@example.com>', 'RCPT TO:<bob@example.org>'],
    });
    for (const header of [
      'From: Coffer <coffer@example.com>',
      'To: ann@example.com, bob@example.org',
      'Subject: Something was refused',
      'Auto-Submitted: auto-generated',
      'X-Coffer-Kind: credentials.refused',
    ]) {
      expect(mail?.text.split('\n\n')[0]?.split('\n')).toContain(header);
    }
    expect(mail?.text).toMatch(
      /\n\nSomething was refused\n\nDisplay Name: ann\nRemote Address: 192\.0\.2\.7\n/,
    );
  });

  it('threat 22: have no header but their own, whatever a letter says', async () => {
    const hostile = 'x\r\nBcc: eve@example.com\r\n\r\nBody of eve\r\n.\r\nMAIL FROM:<eve@example.com>';
    await open().deliver(letter({ subject: hostile, fields: { a: hostile } }), never());
    expect(server.mails).toHaveLength(1);
    const head = server.mails[0]?.text.split('\n\n')[0] ?? '';
    expect(head).not.toMatch(/^Bcc:/im);
    expect(server.lines.filter((line) => line.startsWith('MAIL'))).toHaveLength(1);
    expect(server.lines.filter((line) => line.startsWith('RCPT'))).toHaveLength(2);
  });

  it('threat 17: take no password to a server without encryption, which is told nothing', async () => {
    server.login = 'coffer:pass';
    server.mood = 'no-starttls';
    await expect(open({ username: 'coffer' }, 'pass').deliver(letter(), never())).rejects.toThrow(
      /did not take/,
    );
    expect(server.lines.filter((line) => /^(AUTH|MAIL)/.test(line))).toEqual([]);
  });

  it('threat 24: go to no server whose certificate is another’s', async () => {
    const other = makeCertificate('mail.test').certificate;
    for (const ca of [other, '']) {
      await expect(open({ ca }).deliver(letter(), never())).rejects.toMatchObject({ code: 'unavailable' });
    }
    expect(server.mails).toEqual([]);
  });

  it('threat 16: that are refused are told of by code, without the password that the server repeats', async () => {
    server.login = 'coffer:right';
    const error: unknown = await open({ username: 'coffer' }, 'wrong-password')
      .deliver(letter(), never())
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'unavailable',
      message: `the mail server 127.0.0.1:${server.port} did not take the mail (EAUTH, status 535)`,
    });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('wrong-password');
    server.mood = 'no-auth';
    await expect(open({ username: 'coffer' }, 'right').deliver(letter(), never())).rejects.toThrow(
      /EAUTH|ENOAUTH/,
    );
    expect(server.mails).toEqual([]);
  });

  it('go without encryption to a server on this machine, where that is said', async () => {
    await open({ host: 'localhost', tls: 'none' }).deliver(letter(), never());
    expect(server.mails[0]?.encrypted).toBe(false);
    expect(() => open({ host: 'mail.example.com', tls: 'none' })).toThrow(/on this machine/);
  });

  it.each([
    [{ host: '169.254.169.254' }, /never asked/],
    [{ host: '0.0.0.0' }, /never asked/],
    [{ host: '::ffff:169.254.169.254' }, /never asked/],
    [{ host: 'a b' }, /^host/],
    [{ host: 'http://a/' }, /^host/],
    [{ port: '0' }, /^port/],
    [{ port: '99999' }, /^port/],
    [{ tls: 'maybe' }, /^tls/],
    [{ from: 'coffer' }, /^from/],
    [{ from: 'a@example.com\r\nBcc: eve@example.com' }, /^from/],
    [{ from: 'A <a@example.com>' }, /^from/],
    [{ to: '' }, /^to/],
    [{ to: 'a@example.com,,b@example.com' }, /^to/],
    [{ to: 'a@example.com\nRCPT TO:<eve@example.com>' }, /^to/],
    [{ to: Array.from({ length: 51 }, (_, at) => `a${at}@example.com`).join(',') }, /^to/],
    [{ username: 'a' }, /go together/],
  ] as const)('threat 21: are not sent by settings such as %j', (more, reason) => {
    expect(() => open(more)).toThrow(reason);
  });
});
