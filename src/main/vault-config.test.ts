import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Loaded, loadRead } from '../config/load.ts';
import { shownProblem } from '../config/problem.ts';
import { readVaultConfig, type VaultConfig } from './vault-config.ts';

function place(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'coffer-vault-config-'));
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(directory, name), text, { mode: 0o600 });
  return directory;
}

function load(read: VaultConfig): Loaded {
  return loadRead(read, { flags: {}, env: {}, directory: '/' });
}

/** Of one file of this text: everything wrong, without the way to the file. */
function problemsOf(text: string, name = 'vault.hcl'): readonly string[] {
  const file = join(place({ [name]: text }), name);
  return load(readVaultConfig([file])).problems.map((problem) => shownProblem(problem).replace(file, ''));
}

const storage = 'storage "file" { path = "/var/empty/coffer" }\n';

describe('a configuration of the old server', () => {
  it('becomes ours', () => {
    const file = join(
      place({
        'v.hcl': `${storage}
log_level = "trace"
default_lease_ttl = "168h"
max_lease_ttl = 2764800
default_max_request_duration = "60s"
listener "tcp" {
  address = "0.0.0.0:8200"
  tls_cert_file = "/etc/tls/cert.pem"
  tls_key_file = "/etc/tls/key.pem"
  tls_min_version = "tls13"
  x_forwarded_for_authorized_addrs = "10.0.0.0/8, 192.0.2.1"
  max_request_size = 1048576
  telemetry { unauthenticated_metrics_access = "true" }
}
listener "tcp" {
  address = "127.0.0.1:8201"
  tls_disable = "1"
  tls_cert_file = "/ignored"
}`,
      }),
      'v.hcl',
    );
    const { settings, problems } = load(readVaultConfig([file]));
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({
      data: '/var/empty/coffer',
      log: { level: 'debug' },
      limits: { requestTime: 60_000, requestBytes: 1_048_576 },
      listeners: [
        {
          host: '0.0.0.0',
          port: 8200,
          tls: { certificate: '/etc/tls/cert.pem', key: '/etc/tls/key.pem', minimumVersion: 'TLSv1.3' },
          trustedProxies: ['10.0.0.0/8', '192.0.2.1'],
          metricsWithoutToken: true,
        },
        { host: '127.0.0.1', port: 8201, tls: undefined, tlsDisable: true },
      ],
    });
  });

  it('may be JSON, and a directory of both, where what comes later wins', () => {
    const directory = place({
      'a.hcl': `${storage}log_level = "error"`,
      'b.json': JSON.stringify({
        log_level: 'warn',
        listener: [{ tcp: { address: '127.0.0.1:1', tls_disable: true } }],
      }),
      'c.txt': 'nonsense {',
      'd.json': JSON.stringify({ storage: [{ file: [{ path: '/var/empty/later' }] }] }),
    });
    const { settings, problems } = load(readVaultConfig([directory]));
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({
      data: '/var/empty/later',
      log: { level: 'warn' },
      listeners: [{ port: 1 }],
    });
  });

  it('says of what has no effect that it has none, and where it is', () => {
    const file = join(
      place({
        'v.hcl': `ui = true\ndisable_mlock = true\ncluster_addr = "http://x"\ntelemetry {\n  statsd_address = "x"\n}\n${storage}`,
      }),
      'v.hcl',
    );
    const { notes } = readVaultConfig([file]);
    expect(notes.map((note) => note.replace(file, ''))).toEqual([
      ':1: "ui" has no effect: there is no web console',
      expect.stringMatching(/^:2: "disable_mlock" has no effect: /),
      expect.stringMatching(/^:3: "cluster_addr" has no effect: /),
      expect.stringMatching(/^:4: "telemetry" has no effect: /),
    ]);
  });

  it('says of certificates of clients that they are asked for, and judged by the auth method', () => {
    const listener = `listener "tcp" {\n  tls_client_ca_file = "/x"\n  tls_disable_client_certs = true\n}`;
    const { notes, problems } = readVaultConfig([join(place({ 'v.hcl': `${storage}${listener}` }), 'v.hcl')]);
    expect(problems).toEqual([]);
    expect(notes).toEqual([
      expect.stringContaining('roles of the cert auth method say which authorities are believed'),
      expect.stringContaining('certificates of clients are asked for and not demanded'),
    ]);
    const off = `listener "tcp" {\n  tls_disable_client_certs = false\n}`;
    expect(readVaultConfig([join(place({ 'v.hcl': `${storage}${off}` }), 'v.hcl')]).notes).toEqual([]);
  });

  it('says nothing of what asks for nothing', () => {
    const file = join(
      place({ 'v.hcl': `ui = false\nraw_storage_endpoint = "false"\nseal "shamir" {}\n${storage}` }),
      'v.hcl',
    );
    expect(readVaultConfig([file])).toMatchObject({ notes: [], problems: [] });
  });

  it.each([
    [`${storage}listenr "tcp" {}`, ':2:1: unknown key "listenr" (did you mean "listener"?)'],
    [`${storage}listener "tcp" {\n  tls_cert = "x"\n}`, ':3:3: unknown key "tls_cert" (did you mean'],
    [`${storage}listener "unix" { address = "/x" }`, ':2:10: listener "unix" cannot be had'],
    [`${storage}seal "gcpckms" { region = "x" }`, ':2:6: seal "gcpckms" cannot be had'],
    [`${storage}seal "awskms" { region = "eu-central-1" }`, ':2:6: seal "awskms" names no key'],
    [`${storage}seal "awskms" {\n kms_key_id = "nonsense" }`, ':2:6: seal "awskms": a KMS key is named by'],
    [
      `${storage}seal "awskms" {\n kms_key_id = "alias/x"\n access_key = "AKIA" }`,
      ':4:2: "access_key" belongs into the environment',
    ],
    [`${storage}seal "awskms" {\n kms_key_id = "alias/x"\n regoin = "x" }`, ':4:2: "regoin" is no key of'],
    [`${storage}raw_storage_endpoint = true`, ':2:1: "raw_storage_endpoint" cannot be had'],
    [
      `${storage}listener "tcp" { tls_require_and_verify_client_cert = "true" }`,
      '"tls_require_and_verify_client_cert" cannot',
    ],
    [`${storage}listener "tcp" { tls_min_version = "tls10" }`, 'must be "tls12" or "tls13"'],
    [`${storage}listener "tcp" { address = "nowhere" }`, ':2:18: listener[0].address must be an address'],
    [`${storage}log_level = "loud"`, ':2:1: log.level must be one of'],
    [`${storage}listener = 5`, ':2:12: must be a block'],
    ['storage "consul" { adress = "x" }', ':1:20: "adress" is no key of storage "consul"'],
    ['storage "consul" { address = "x:y:z" }', ':1:9: storage "consul": the URL names no host'],
    ['storage "consul" { path = "a//b" }', ':1:9: storage "consul": the prefix'],
    ['storage "consul" { token = "t" }', ':1:20: "token" goes with an address in this file'],
    [
      'storage "consul" {\n address = "h:1"\n tls_skip_verify = "1" }',
      ':3:2: "tls_skip_verify" cannot be had: certificates',
    ],
    ['storage "etcd" {}', ':1:9: storage "etcd" cannot be had'],
    ['storage "inmem" {}', '-dev keeps everything in memory'],
    ['storage "file" {}', ':1:9: storage "file" has no path'],
    ['ui = true', 'there is no storage'],
    ['', 'there is no storage'],
    ['storage "file" {', ':1:17: expected a key or "}", but the text ends'],
    ['\u0000', ':1:1: the text holds a NUL character'],
  ])('is refused at its line: %j', (text, wanted) => {
    expect(problemsOf(text).join('\n')).toContain(wanted);
  });

  it.each([
    ['', 'consul:vault/'],
    ['path = "coffer"', 'consul:coffer'],
    ['address = "127.0.0.1:8500"\n path = "coffer/"', 'consul://127.0.0.1:8500/coffer/?tls=off'],
    [
      'address = "consul.example:8501"\n scheme = "https"\n tls_ca_file = "/ca.pem"\n token = "s3cret"\n max_parallel = "64"',
      'consul://:s3cret@consul.example:8501/vault/?ca=%2Fca.pem&tls=on',
    ],
  ])('threat 16: finds its storage in Consul, and shows no token: %s', (text, url) => {
    const file = join(place({ 'v.hcl': `storage "consul" {\n ${text}\n}` }), 'v.hcl');
    const read = readVaultConfig([file]);
    const { settings, problems, found } = load(read);
    expect(problems).toEqual([]);
    expect(settings.storage?.url).toBe(url);
    expect(JSON.stringify([read.notes, found.map(({ shown }) => shown)])).not.toContain('s3cret');
  });

  it('names the KMS keys that open the store', () => {
    const text = `${storage}
seal "awskms" {
  region = "eu-central-1"
  kms_key_id = "alias/coffer"
  endpoint = "https://kms.example.com"
  name = "one"
  priority = "1"
}
seal "awskms" {
  kms_key_id = "arn:aws:kms:us-west-2:123456789012:key/b7a0bd2c-1111-4000-8000-000000000001"
  role_arn = "arn:aws:iam::123456789012:role/coffer"
  shared_creds_profile = "work"
  secret_key = ""
}
seal "awskms" {
  kms_key_id = "alias/old"
  disabled = "true"
}`;
    const { settings, problems } = load(readVaultConfig([join(place({ 'v.hcl': text }), 'v.hcl')]));
    expect(problems).toEqual([]);
    expect(settings.seals).toEqual([
      'awskms:alias/coffer?region=eu-central-1&endpoint=https%3A%2F%2Fkms.example.com',
      'awskms:arn:aws:kms:us-west-2:123456789012:key/b7a0bd2c-1111-4000-8000-000000000001' +
        '?role_arn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fcoffer&profile=work',
    ]);
  });

  it('threat 16: no value of it is repeated in what is said', () => {
    const secret = 'canary-of-the-config';
    const text = `${storage}seal "awskms" { secret_key = "${secret}" }\nlistener "tcp" { address = "${secret}" }\nnope = "${secret}"\ntelemetry { circonus_api_token = "${secret}" }`;
    const file = join(place({ 'v.hcl': text }), 'v.hcl');
    const read = readVaultConfig([file]);
    expect(JSON.stringify([load(read).problems, read.notes])).not.toContain(secret);
  });

  it('threat 26: is refused where others may change it', () => {
    const directory = place({ 'v.hcl': storage });
    chmodSync(join(directory, 'v.hcl'), 0o666);
    expect(readVaultConfig([join(directory, 'v.hcl')]).problems[0]?.message).toContain(
      'others may change it',
    );
  });

  it('does not put a store among the files of another server', () => {
    const data = place({});
    mkdirSync(join(data, 'core'));
    writeFileSync(join(data, 'core', '_keyring'), '');
    const [problem = ''] = problemsOf(`storage "file" { path = ${JSON.stringify(data)} }`);
    expect(problem).toContain('holds the data of another server');
  });

  it('tells of files that are not there', () => {
    expect(readVaultConfig(['/nowhere/v.hcl']).problems.map(shownProblem)).toEqual([
      '/nowhere/v.hcl: there is no such file',
    ]);
  });
});
