/** Logging in with a certificate over real TLS: curl, openssl's own certificates, hvac, and the command line. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import {
  cleanUp,
  cli,
  freshPlace,
  runProgram,
  type ServerProcess,
  startServer,
} from '../e2e/server-process.ts';
import { type Holder, issueAuthority, issueClient } from '../fakes/authority.ts';
import { makeCertificate } from '../fakes/certificate.ts';
import { need } from '../setup/need.ts';

afterAll(cleanUp);

const token = 'certificates-root';
const place = freshPlace();
const at = (name: string) => join(place.home, name);
const put = (name: string, text: string) => writeFileSync(at(name), text, { mode: 0o600 });
const root = issueAuthority('root');
const middle = issueAuthority('middle', root);
const client = issueClient('web', middle, { purposes: ['02'] });
let server: ServerProcess;
let address = '';

function putClient(name: string, holder: Holder, ...chain: readonly Holder[]): void {
  put(`${name}.crt`, [holder, ...chain].map(({ certificate }) => certificate).join(''));
  put(`${name}.key`, holder.key);
}

beforeAll(async () => {
  const made = makeCertificate('server');
  put('tls.crt', made.certificate);
  put('tls.key', made.key);
  put('coffer.toml', '[[listener]]\naddress = "localhost:0"\ntls_cert = "tls.crt"\ntls_key = "tls.key"\n');
  const words = ['--config', at('coffer.toml'), '--dev', '--dev-root-token-id', token];
  server = await startServer(place, { listen: [], words });
  address = server.address;
  put('root.crt', root.certificate);
  putClient('client', client, middle);
  putClient('stranger', issueClient('web', issueAuthority('root')));
  putClient('server-only', issueClient('web', root, { purposes: ['01'] }));
});

async function api(
  curl: string,
  path: string,
  body: JsonObject,
  ...words: readonly string[]
): Promise<JsonObject> {
  const shown = ['--header', `X-Vault-Token: ${token}`, '--data', JSON.stringify(body), ...words];
  const { stdout } = await runProgram(
    curl,
    ['-sS', '--cacert', at('tls.crt'), ...shown, `${address}/v1/${path}`],
    place.env,
  );
  return stdout === '' ? {} : (JSON.parse(stdout) as JsonObject);
}

const showing = (name: string) => ['--cert', at(`${name}.crt`), '--key', at(`${name}.key`)];
const refused = { errors: ['invalid certificate or no client certificate supplied'] };

describe('a certificate over TLS', () => {
  it('logs curl in, with the intermediates that it sends', async (context) => {
    const curl = need(context, 'curl');
    await api(curl, 'sys/auth/cert', { type: 'cert' });
    await api(curl, 'auth/cert/certs/web', { certificate: root.certificate, token_ttl: 600 });
    for (const version of ['--tls-max 1.2', '--tlsv1.3']) {
      const answer = await api(curl, 'auth/cert/login', {}, ...showing('client'), ...version.split(' '));
      expect(answer).toMatchObject({
        auth: { metadata: { cert_name: 'web', common_name: 'web' }, lease_duration: 600 },
      });
    }
    expect(await api(curl, 'auth/cert/login', { name: 'web' })).toEqual(refused);
    for (const name of ['stranger', 'server-only']) {
      expect(await api(curl, 'auth/cert/login', {}, ...showing(name))).toEqual(refused);
    }
    const header = `X-Client-Cert: ${client.der.toString('base64')}`;
    expect(
      await api(curl, 'auth/cert/login', {}, '--header', header, '--header', 'X-SSL-Client-Verify: SUCCESS'),
    ).toEqual(refused);
  });

  it('takes what openssl makes: an authority, a client and a revocation list', async (context) => {
    const curl = need(context, 'curl');
    const openssl = async (...words: readonly string[]) => {
      const { code, stderr } = await runProgram('openssl', words, place.env, undefined, place.home);
      expect(code, stderr).toBe(0);
    };
    put(
      'ca.cnf',
      '[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\nnew_certs_dir=.\nserial=serial\ncrlnumber=serial\ndefault_md=sha256\n' +
        'default_days=5\ndefault_crl_days=5\npolicy=p\nx509_extensions=c\n[p]\ncommonName=supplied\n' +
        '[c]\nbasicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n',
    );
    put('index.txt', '');
    put('serial', '01\n');
    const key = ['-newkey', 'rsa:2048', '-nodes'];
    await openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
      '-subj',
      '/CN=openssl',
      '-days',
      '9',
    );
    await openssl('req', ...key, '-keyout', 'o.key', '-out', 'o.csr', '-subj', '/CN=host');
    await openssl(
      'ca',
      '-batch',
      '-config',
      'ca.cnf',
      '-cert',
      'ca.crt',
      '-keyfile',
      'ca.key',
      '-in',
      'o.csr',
      '-out',
      'o.crt',
      '-notext',
    );
    await openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      'self.key',
      '-out',
      'self.crt',
      '-subj',
      '/CN=self',
      '-days',
      '9',
    );
    const { stdout: pem } = await runProgram('cat', [at('ca.crt'), at('self.crt')], place.env);
    await api(curl, 'auth/cert/certs/openssl', { certificate: pem });
    const login = (name: string) => api(curl, 'auth/cert/login', {}, ...showing(name));
    expect(await login('o')).toMatchObject({
      auth: { metadata: { common_name: 'host', serial_number: '1' } },
    });
    expect(await login('self')).toMatchObject({ auth: { metadata: { common_name: 'self' } } });
    const authority = ['-config', 'ca.cnf', '-cert', 'ca.crt', '-keyfile', 'ca.key'];
    await openssl('ca', ...authority, '-revoke', 'o.crt', '-crl_reason', 'keyCompromise');
    await openssl('ca', ...authority, '-gencrl', '-out', 'a.crl');
    const { stdout: crl } = await runProgram('cat', [at('a.crl')], place.env);
    expect(await api(curl, 'auth/cert/crls/openssl', { crl })).toEqual({});
    expect(await login('o')).toEqual(refused);
  });

  it('logs the command line in', async () => {
    const env = { COFFER_ADDR: address, COFFER_CACERT: at('tls.crt') };
    const shown = ['--client-cert', at('client.crt'), '--client-key', at('client.key')];
    expect(await cli(place, ['login', 'cert', 'web', ...shown], { env })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('logged in'),
    });
    expect(await cli(place, ['login', '--method', 'cert'], { env })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--client-cert'),
    });
    const variables = { ...env, VAULT_CLIENT_CERT: at('stranger.crt'), VAULT_CLIENT_KEY: at('stranger.key') };
    expect(await cli(place, ['login', 'cert'], { env: variables })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('invalid certificate'),
    });
  });

  it('is used by hvac, with all that it knows of the method', async (context) => {
    const python = need(context, 'hvac');
    const script = fileURLToPath(new URL('./hvac-cert.py', import.meta.url));
    expect(await runProgram(python, [script, address, place.home], place.env, token)).toEqual({
      code: 0,
      stdout: 'cert\n',
      stderr: '',
    });
  });
});
