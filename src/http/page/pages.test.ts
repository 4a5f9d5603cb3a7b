import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ContractServer, openContractServer } from '../../../test/compat/contract-server.ts';
import { openBarePage } from '../../../test/fakes/bare-browser.ts';
import { Device } from '../../../test/fakes/totp-place.ts';
import type { JsonObject } from '../../json.ts';
import { enrollPage, enrollStyle } from './enroll-page.ts';
import { enrollScript } from './enroll-script.ts';

let server: ContractServer;
beforeEach(async () => {
  server = await openContractServer();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const at = (path: string, options?: RequestInit) => fetch(`${server.address}${path}`, options);

async function post(path: string, body: JsonObject = {}): Promise<JsonObject> {
  const { status, json } = await server.wire.ask('POST', path, { body });
  expect(status, path).toBeLessThan(300);
  return (json['data'] ?? {}) as JsonObject;
}

async function invited(mount: string, account = 'ann', issuer = 'acme'): Promise<string> {
  await post(`sys/auth/${mount}`, { type: 'totp' });
  await post(`auth/${mount}/accounts/${encodeURIComponent(issuer)}/${encodeURIComponent(account)}`);
  const path = `auth/${mount}/invite/${encodeURIComponent(issuer)}/${encodeURIComponent(account)}`;
  return String((await post(path))['invitation']);
}

const open = (fragment: string) =>
  openBarePage(`${server.address}/ui/enroll`, fragment, enrollPage, enrollScript);

describe('the page for enrolments', () => {
  it('is served with what it needs, and nothing else is', async () => {
    for (const [path, type, text] of [
      ['/ui/enroll', 'text/html', enrollPage],
      ['/ui/enroll.js', 'text/javascript', enrollScript],
      ['/ui/enroll.css', 'text/css', enrollStyle],
    ] as const) {
      const answer = await at(path);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe(`${type}; charset=utf-8`);
      expect(await answer.text()).toBe(text);
      const head = await at(path, { method: 'HEAD' });
      expect([head.status, await head.text()]).toEqual([200, '']);
      expect((await at(path, { method: 'POST', body: 'x' })).status).toBe(404);
    }
    for (const path of [
      '/ui',
      '/ui/',
      '/ui/enroll/',
      '/ui/enroll?invitation=a',
      '/ui/enrol',
      '/ui/../enroll',
    ]) {
      expect((await at(path)).status, path).toBe(404);
    }
  });

  it('threat 23: runs no script but its own file, in no frame, and is kept nowhere', async () => {
    for (const path of ['/ui/enroll', '/ui/enroll.js', '/ui/enroll.css']) {
      const { headers } = await at(path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("require-trusted-types-for 'script'");
      expect(policy).not.toMatch(/unsafe|\*|http/);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('set-cookie')).toBeNull();
    }
    expect(enrollPage).not.toMatch(/<script(?![^>]*src=)|\son\w+=|style="|javascript:|https?:|<style/);
    expect(enrollScript).not.toMatch(
      /innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|setTimeout|Storage|cookie|https?:/,
    );
  });

  it('threat 23: enrolls, with the invitation out of the address at once and only in bodies', async () => {
    const invitation = await invited('totp');
    const page = open(`#${invitation}`);
    expect(page.address()).toBe('/ui/enroll');
    expect(page.element('begin').hidden).toBe(false);
    // Nothing is spent by looking.
    expect(page.sent).toEqual([]);
    await page.fire('start', 'click');
    expect(page.element('message').textContent).toBe('');
    expect(page.element('scan').hidden).toBe(false);
    expect(page.element('account').textContent).toBe('ann');
    expect(page.element('barcode').attributes.get('src')).toMatch(/^data:image\/png;base64,iVBOR/);
    const url = page.element('open').attributes.get('href') ?? '';
    const device = Device.of(server.clock, url);
    expect(url).toContain(page.element('secret').textContent);
    page.element('code').value = ` ${device.code().slice(0, 3)} ${device.code().slice(3)}`;
    server.clock.jump(30);
    page.element('next-code').value = device.wrong();
    await page.fire('pair', 'submit');
    expect(page.element('message').textContent).toMatch(/not two codes in a row/);
    expect(page.element('scan').hidden).toBe(false);
    page.element('next-code').value = device.code();
    await page.fire('pair', 'submit');
    expect(page.element('done').hidden).toBe(false);
    expect(page.element('codes').children).toHaveLength(8);
    // What was secret is gone from the page but for what the person has to write down.
    expect(page.element('secret').textContent).toBe('');
    expect([...page.element('barcode').attributes, ...page.element('open').attributes]).toEqual([]);
    for (const { url: to, body } of page.sent) {
      expect(to).not.toContain(invitation);
      expect(body).toContain(invitation);
    }
    server.clock.jump(30);
    const login = { issuer: 'acme', account: 'ann', code: device.code() };
    expect((await server.wire.ask('POST', 'auth/totp/login', { body: login })).status).toBe(200);
  });

  it('leads to mounts of other names, and to nothing but an enrolment', async () => {
    const invitation = await invited('people/staff');
    const page = open(`#people/staff/${invitation}`);
    await page.fire('start', 'click');
    expect(page.sent.map(({ url }) => new URL(url).pathname)).toEqual(['/v1/auth/people/staff/enroll/start']);
    expect(page.element('scan').hidden).toBe(false);
    const odd = [
      '',
      '#',
      '#short',
      `#../../sys/${invitation}`,
      `#a/../b/${invitation}`,
      `#//evil.example/${invitation}`,
    ];
    for (const fragment of [...odd, `#a?b/${invitation}`, `#${invitation}x`, `#<b>${invitation}`]) {
      const other = open(fragment);
      expect(other.element('none').hidden, fragment).toBe(false);
      expect(other.element('begin').hidden, fragment).toBe(true);
      expect(other.address()).toBe('/ui/enroll');
    }
  });

  it('threat 23: shows names as text, whatever they are', async () => {
    const hostile = '<img src=x onerror=alert(1)>';
    const page = open(`#${await invited('totp', hostile, '"><script>x<&script>')}`);
    await page.fire('start', 'click');
    expect(page.element('account').textContent).toBe(hostile);
    expect(page.element('issuer').textContent).toBe('"><script>x<&script>');
  });

  it('says what went wrong, and forgets everything when it is left', async () => {
    const invitation = await invited('totp');
    const first = open(`#${invitation}`);
    await first.fire('start', 'click');
    const second = open(`#${invitation}`);
    await second.fire('start', 'click');
    expect(second.element('message').textContent).toMatch(/^the invitation is not good/);
    expect(second.element('begin').hidden).toBe(false);
    await first.fire(undefined, 'pagehide');
    expect(first.element('secret').textContent).toBe('');
    expect(first.element('barcode').attributes.size).toBe(0);
    expect(first.element('none').hidden).toBe(false);
    await first.fire('start', 'click');
    expect(first.sent.at(-1)?.body).not.toContain(invitation);
  });
});
