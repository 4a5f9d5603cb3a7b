import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseConfig, readConfigFile } from './file.ts';
import type { Sources } from './found.ts';
import { LiveValue } from './live.ts';
import { type Loaded, loadSettings, resolveSettings, soundSettings } from './load.ts';
import { shownProblem } from './problem.ts';

const folder = mkdtempSync(join(tmpdir(), 'coffer-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(text: string, rest: Partial<Sources> = {}, name = '/etc/coffer/c.toml'): Loaded {
  const { file, problems } = parseConfig(name, text);
  const loaded = resolveSettings({ flags: {}, env: {}, directory: '/work-dir', file, ...rest });
  return { ...loaded, problems: [...problems, ...loaded.problems] };
}

const problems = (loaded: Loaded) => loaded.problems.map(shownProblem);

describe('settings', () => {
  it('have safe values when nobody says anything', () => {
    const { settings, problems } = load('');
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({
      data: undefined,
      listeners: [{ host: '127.0.0.1', port: 8200, tls: undefined, tlsDisable: false, trustedProxies: [] }],
      limits: {
        requestBytes: 33_554_432,
        requestTime: 90_000,
        requestsPerSecond: 100,
        tokensPerIdentity: 300_000,
      },
      log: { level: 'info', format: 'auto' },
      backup: { directory: undefined },
    });
  });

  it('have one listener more for --dssss, held to the same rules', () => {
    const text = '[[listener]]\naddress = "127.0.0.1:1"\nunauthenticated_key_operations = true';
    const { settings, problems: none } = load(text, { flags: { dssss: '127.0.0.1:8000' } });
    expect(none).toEqual([]);
    expect(settings.listeners).toMatchObject([
      { port: 1, dialect: 'vault' },
      { host: '127.0.0.1', port: 8000, dialect: 'dssss' },
    ]);
    const atAws = load('', { flags: { dssss: ':8000', aws: true } });
    expect(atAws.settings.listeners[1]?.dialect).toBe('dssss?secrets=secret');
    for (const address of ['0.0.0.0:8000', '127.0.0.1:8200', 'nowhere'])
      expect(problems(load('', { flags: { dssss: address } })), address).toHaveLength(1);
    expect(problems(load('[[listener]]\naddress = ":1"\ndialect = "a b"'))).toHaveLength(1);
  });

  it('come from the file, with paths from where the file is, in TOML and in JSON alike', () => {
    const toml = load(`
      data = "data"
      [[listener]]
      address = "0.0.0.0:8443"
      tls_cert = "tls.crt"
      tls_key = "/keys/tls.key"
      tls_min_version = "1.3"
      trusted_proxies = ["10.0.0.0/8", "::1"]
      [[listener]]
      address = ":8200"
      [limits]
      request_bytes = "1MiB"
      request_time = "1m30s"
      requests_per_second = 20
    `);
    const json = load(
      JSON.stringify({
        data: 'data',
        listener: [
          {
            address: '0.0.0.0:8443',
            tls_cert: 'tls.crt',
            tls_key: '/keys/tls.key',
            tls_min_version: '1.3',
            trusted_proxies: ['10.0.0.0/8', '::1'],
          },
          { address: ':8200' },
        ],
        limits: { request_bytes: 1_048_576, request_time: 90, requests_per_second: 20 },
      }),
      {},
      '/etc/coffer/c.json',
    );
    expect(problems(toml)).toEqual([]);
    expect(toml.settings).toEqual(json.settings);
    expect(toml.settings).toMatchObject({
      data: '/etc/coffer/data',
      listeners: [
        {
          host: '0.0.0.0',
          port: 8443,
          tls: { certificate: '/etc/coffer/tls.crt', key: '/keys/tls.key', minimumVersion: 'TLSv1.3' },
        },
        { host: '127.0.0.1', port: 8200, tls: undefined },
      ],
      limits: { requestBytes: 1_048_576, requestTime: 90_000, requestsPerSecond: 20, burst: 1_000 },
    });
  });

  it('are taken from the flag before the variable before the file, and an empty variable says nothing', () => {
    const text = '[limits]\nconnections = 600\nrequest_time = 5\nrequest_bytes = 5000\n';
    const { settings, found, problems } = load(text, {
      flags: { 'limits-connections': '800' },
      env: {
        COFFER_LIMITS_CONNECTIONS: '700',
        COFFER_LIMITS_REQUEST_TIME: '6',
        COFFER_LIMITS_REQUEST_BYTES: '',
      },
    });
    expect(problems).toEqual([]);
    expect(settings.limits).toMatchObject({ connections: 800, requestTime: 6_000, requestBytes: 5_000 });
    const origins = Object.fromEntries(found.map(({ name, origin }) => [name, origin.text]));
    expect(origins).toMatchObject({
      'limits.connections': '--limits-connections',
      'limits.request_time': 'COFFER_LIMITS_REQUEST_TIME',
      'limits.request_bytes': '/etc/coffer/c.toml:4:1',
      'log.level': 'default',
    });
  });

  it('of listeners said on the command line are for all of them, and addresses there replace the file’s', () => {
    const text =
      '[[listener]]\naddress = "127.0.0.1:1"\n[[listener]]\naddress = "127.0.0.1:2"\ntls_disable = true\n';
    const all = load(text, { env: { COFFER_TRUSTED_PROXIES: '10.0.0.0/8, 10.9.9.9' } });
    expect(all.settings.listeners).toMatchObject([
      { port: 1, trustedProxies: ['10.0.0.0/8', '10.9.9.9'], tlsDisable: false },
      { port: 2, trustedProxies: ['10.0.0.0/8', '10.9.9.9'], tlsDisable: true },
    ]);
    const replaced = load(text, { flags: { listen: ['[::1]:3'] }, env: { COFFER_LISTEN: ':4' } });
    expect(replaced.settings.listeners).toMatchObject([{ host: '::1', port: 3, tlsDisable: false }]);
    expect(load(text, { env: { COFFER_LISTEN: ':4,:5' } }).settings.listeners).toMatchObject([
      { port: 4 },
      { port: 5 },
    ]);
  });
});

describe('problems', () => {
  it('are told all at once, each with its line and column', () => {
    const loaded = load(
      [
        'dta = "/srv"',
        'level = "info"',
        '[[listener]]',
        'address = "0.0.0.0:8200"',
        '[[listener]]',
        'address = "127.0.0.1:8201"',
        'tls_crt = "x"',
        'tls_key = "key.pem"',
        '[limits]',
        'connections = "many"',
        'request_time = "soon"',
        'tokens_per_identity = 0',
        '  request_bytes = "1GiB"',
      ].join('\n'),
      { env: { COFFER_LIMITS_CONECTIONS: '5' }, flags: { 'log-level': 'loud' } },
      'c.toml',
    );
    expect(problems(loaded)).toEqual([
      'c.toml:1:1: unknown key "dta" (did you mean "data"?)',
      'c.toml:2:1: unknown key "level" (it belongs to the table [log])',
      'c.toml:4:1: 0.0.0.0:8200 is not a loopback address: give the listener tls_cert and tls_key, or say tls_disable where a proxy in front has TLS',
      'c.toml:7:1: unknown key "listener.tls_crt" (did you mean "listener.tls_cert"?)',
      'c.toml:8:1: tls_key needs a tls_cert',
      'c.toml:10:1: limits.connections must be a whole number from 1 to 100000',
      'c.toml:11:1: limits.request_time must be a time such as "90s", "1h30m", or a number of seconds',
      'c.toml:12:1: limits.tokens_per_identity must be a whole number from 1 to 1000000000',
      'c.toml:13:3: limits.request_bytes must be from 1KiB to 128MiB',
      'COFFER_LIMITS_CONECTIONS: sets nothing (did you mean COFFER_LIMITS_CONNECTIONS?)',
      '--log-level: log.level must be one of: debug, info, warn, error',
    ]);
    expect(() => soundSettings(loaded)).toThrow(/^11 problems in the configuration: /);
  });

  it.each([
    ['[listener]\naddress = ":1"', /listener must be a list of tables/],
    ['listener = []', /listener must be a list of tables/],
    ['[[listener]]\ntls_disable = true', /:1:3: this listener has no address/],
    ['limits = 5', /:1:1: limits must be a table: \[limits\]/],
    ['log = 2020-01-01', /log\b/],
    ['data = 2020-01-01', /:1:1: data must be a path/],
    ['data = ""', /data must be a path/],
    [
      '[[listener]]\naddress = ":1"\n[[listener]]\naddress = "127.0.0.1:1"',
      /:4:1: two listeners have the address 127.0.0.1:1/,
    ],
    [
      '[[listener]]\naddress = ":1"\ntls_cert = "a"\ntls_key = "b"\ntls_disable = true',
      /:5:1: tls_disable and tls_cert/,
    ],
    ['[[listener]]\naddress = ":1"\ntls_min_version = "1.3"', /:3:1: tls_min_version does nothing/],
    ['[[listener]]\naddress = ":1"\ntrusted_proxies = ["10.0.0.0/33"]', /:3:1: .*entry 1 is none/],
    ['[[listener]]\naddress = ":1"\ntrusted_proxies = "10.0.0.0/8"', /must be a list of networks/],
    [
      '[[listener]]\naddress = ":1"\nmetrics_without_token = true\n[telemetry]\nmetrics = false',
      /:3:1: metrics_without_token/,
    ],
    ['max_lease_ttl = "1h"', /:1:1: default_lease_ttl is longer than max_lease_ttl/],
    ['[limits]\nconnections = 100', /:2:1: limits.connections_per_address \(512\) is more than/],
    [
      '[limits]\nrequests_per_second = 0\nburst = 5',
      /:3:1: limits.burst does nothing without limits.requests_per_second/,
    ],
    [
      '[[listener]]\naddress = ":1"\n[[listener]]\naddress = ":2"\nunauthenticated_key_operations = true',
      /:5:1: unauthenticated_key_operations must be the same/,
    ],
    ['[backup]\nkeep = 3', /:2:1: backup.keep does nothing without backup.directory/],
    [
      'data = "/srv/c"\n[backup]\ndirectory = "/srv/c/backups"',
      /:3:1: backup.directory is inside the data directory/,
    ],
    ['[telemetry]\ntrace_share = 0.5', /:2:1: telemetry.trace_share does nothing/],
    ['[telemetry]\ntrace_share = 1.5', /must be a number from 0 to 1/],
    ['[telemetry]\ntraces = "ftp://x"', /must be an http:\/\/ or https:\/\/ URL/],
    ['a = 1\na = 2', /:2:\d+: not valid TOML: /],
    ['a = ', /:1:\d+: not valid TOML: /],
  ])('are found: %j', (text, wanted) => {
    expect(problems(load(text)).join('\n')).toMatch(wanted);
  });

  it('threat 16: repeat no URL that holds a password', () => {
    const told = problems(load('[telemetry]\ntraces = "https://me:hunter2@host/"')).join('\n');
    expect(told).toMatch(/without user name, password/);
    expect(told).not.toContain('hunter2');
  });

  it('are told once, though a flag concerns several listeners', () => {
    const text = '[[listener]]\naddress = ":1"\n[[listener]]\naddress = ":2"\n';
    expect(problems(load(text, { flags: { 'tls-min-version': '1.1' } }))).toEqual([
      '--tls-min-version: tls_min_version must be one of: 1.2, 1.3',
    ]);
  });

  it('of one wrong value bring no others along', () => {
    const text = '[[listener]]\naddress = "0.0.0.0"\ntls_cert = 5\ntls_key = "k"\n';
    expect(problems(load(text, {}, 'c.toml'))).toEqual([
      'c.toml:2:1: listener[0].address must be an address to listen on, such as 127.0.0.1:8200',
      'c.toml:3:1: listener[0].tls_cert must be a path, as text',
    ]);
  });
});

describe('the file', () => {
  function write(name: string, text: string | Buffer, mode = 0o644): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  }

  it('threat 26: is refused when others may write it, and may be read by them', () => {
    const path = write('open.toml', '[log]\nlevel = "warn"\n', 0o664);
    expect(problems(loadSettings({ config: path, flags: {}, env: {}, directory: '/' }))).toEqual([
      `${path}: has mode 0664, so others may change it; say: chmod go-w ${path}`,
    ]);
    chmodSync(path, 0o644);
    expect(loadSettings({ config: path, flags: {}, env: {}, directory: '/' })).toMatchObject({
      problems: [],
      settings: { log: { level: 'warn' } },
    });
  });

  it('is refused with a clear word when it is none', () => {
    const said = (path: string) => readConfigFile(path).problems.map(({ message }) => message);
    expect(said(join(folder, 'absent.toml'))).toEqual(['there is no such file']);
    expect(said(folder)).toEqual(['is not a file']);
    expect(said(write('big.toml', '#'.repeat(300_000)))).toEqual(['is larger than 262144 bytes']);
    expect(said(write('binary.toml', Buffer.from([0xff, 0xfe])))).toEqual(['is not text in UTF-8']);
    expect(said(write('list.json', '[]'))).toEqual(['must hold one JSON object']);
    expect(said(write('twice.json', '{"data":"a","data":"b"}'))).toEqual(['"data" is there twice']);
  });

  it('without an ending is JSON when it begins with a brace', () => {
    expect(readConfigFile(write('plain', ' {"data": "/x"}')).file?.values).toEqual({ data: '/x' });
    expect(readConfigFile(write('plain2', 'data = "/x"')).file?.values).toEqual({ data: '/x' });
  });
});

describe('a live value', () => {
  it('is that of now, and tells who wants to know', () => {
    const live = new LiveValue(1);
    const heard: (readonly [number, number, number])[] = [];
    const listening = live.onChange((value, before) => heard.push([value, before, live.current]));
    live.set(2);
    listening[Symbol.dispose]();
    live.set(3);
    expect([heard, live.current]).toEqual([[[2, 1, 2]], 3]);
  });
});
