import { createHash } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { call } from './cli.fixture.ts';
import { hardwareAddress, type Interfaces, parseMac, userIdOf } from './host-user-id.ts';

const at = (mac: string, internal = false) => [
  { address: '192.0.2.1', netmask: '255.255.255.0', family: 'IPv4' as const, mac, internal, cidr: null },
];
const loopback = { lo: at('00:00:00:00:00:00', true) };

/** Made by `printf %s 11:ff:30:d6:ba:5f | sha1sum`. */
const known = 'ee602c155f5cb6fa41db5603bcd4bfa0d2a78177';

it('is the SHA-1 of the address as text, in any spelling', () => {
  for (const text of [
    '11:ff:30:d6:ba:5f',
    '11:FF:30:D6:BA:5F',
    '11-FF-30-D6-BA-5F',
    '11ff.30d6.ba5f',
    ' 11ff30d6ba5f\n',
  ]) {
    expect(userIdOf(parseMac(text))).toBe(known);
  }
});

it.each([
  '',
  'eth0',
  '11:ff:30:d6:ba',
  '11:ff:30:d6:ba:5f:00',
  '11:ff-30:d6:ba:5f',
  '1:1ff:30:d6:ba:5f',
  '11:gg:30:d6:ba:5f',
])('refuses %j as an address', (text) => {
  expect(() => parseMac(text)).toThrow('MAC address such as');
});

describe('of a host', () => {
  const wired = at('11:FF:30:D6:BA:5F');
  const cases: readonly (readonly [Interfaces, string | undefined, string])[] = [
    [{ ...loopback, eth0: wired }, undefined, 'eth0'],
    [{ ...loopback, eth0: wired, 'eth0:1': wired }, undefined, 'eth0'],
    [{ ...loopback, eth0: wired, wlan0: at('02:00:00:00:00:01') }, 'eth0', 'eth0'],
  ];
  it.each(cases)('takes the one interface, or the one that is named', (interfaces, name, wanted) => {
    expect(hardwareAddress(interfaces, name)).toEqual({ name: wanted, mac: '11:ff:30:d6:ba:5f' });
  });

  const refusals: readonly (readonly [Interfaces, string | undefined, string])[] = [
    [loopback, undefined, 'no interface that is up has a MAC address'],
    [loopback, 'eth0', 'no interface eth0 is up; there is none'],
    [{ ...loopback, eth0: wired }, 'lo', 'the interface lo has no MAC address; there is: eth0'],
    [{ ...loopback, eth0: wired }, '__proto__', 'no interface __proto__ is up; there is: eth0'],
    [{ eth0: wired, wlan0: at('02:00:00:00:00:01') }, undefined, 'choose with --interface: eth0, wlan0'],
  ];
  it.each(refusals)('says what is wrong and what there is', (interfaces, name, words) => {
    expect(() => hardwareAddress(interfaces, name)).toThrow(words);
  });
});

describe('coffer app-id user-id', () => {
  it('prints the id, or all of it as JSON', async () => {
    expect(await call(['app-id', 'user-id', '--mac', '11-FF-30-D6-BA-5F'])).toMatchObject({
      code: 0,
      stdout: `${known}\n`,
      stderr: '',
    });
    const { stdout } = await call(['app-id', 'user-id', '--mac', '11ff30d6ba5f', '--format', 'json']);
    expect(JSON.parse(stdout)).toEqual({ user_id: known, interface: null, mac: '11:ff:30:d6:ba:5f' });
  });

  it('is of the interface that is named', async () => {
    const [name, addresses] =
      Object.entries(networkInterfaces()).find(([, each]) => each?.some(({ internal }) => !internal)) ?? [];
    const mac = addresses?.find(({ internal }) => !internal)?.mac;
    if (name === undefined || mac === undefined) return;
    const outcome = await call(['app-id', 'user-id', '--interface', name]);
    expect(outcome.stdout).toBe(`${createHash('sha1').update(mac).digest('hex')}\n`);
  });

  it.each([
    [['--interface', 'no-such'], 3],
    [['--mac', 'x'], 2],
    [['--mac', '11ff30d6ba5f', '--interface', 'lo'], 2],
  ])('ends with a code of its own for %j', async (words, code) => {
    const outcome = await call(['app-id', 'user-id', ...words]);
    expect(outcome.code).toBe(code);
    expect(outcome.stdout).toBe('');
  });
});
