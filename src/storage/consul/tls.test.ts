/** TLS to the agent: who is trusted, who we are, and that no token is sent to anybody else. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../test/fakes/certificate.ts';
import { ConsulAgentFake, type ConsulAgentOptions } from '../../../test/fakes/consul-agent.ts';
import { bytes, key } from '../opened-storage.ts';
import { parseConsulPlace } from './address.ts';
import { openConsulStorage } from './consul.ts';

const files = mkdtempSync(join(tmpdir(), 'coffer-consul-tls-'));
afterAll(() => rmSync(files, { recursive: true }));
const put = (name: string, text: string) => {
  writeFileSync(join(files, name), text, { mode: 0o600 });
  return join(files, name);
};
const own = makeCertificate('localhost');
const client = makeCertificate('coffer');
const authority = put('own.pem', own.certificate);
const stranger = put('stranger.pem', makeCertificate('localhost').certificate);
const certificate = put('client.pem', client.certificate);
const certificateKey = put('client-key.pem', client.key);
const secured = { cert: own.certificate, key: own.key };
let agent: ConsulAgentFake | undefined;
afterEach(() => agent?.close());

async function attempt(options: ConsulAgentOptions, env: Record<string, string>, query = ''): Promise<void> {
  agent = await ConsulAgentFake.start(options);
  const place = parseConsulPlace(`consul://127.0.0.1:${agent.port}/coffer?tls=on${query}`);
  const storage = await openConsulStorage({
    place,
    create: true,
    env: { CONSUL_HTTP_TOKEN: 'a-token', ...env },
  });
  try {
    await storage.commit([{ key: key('a'), value: bytes('1') }]);
    expect((await storage.range('', { limit: 1 })).items).toHaveLength(1);
  } finally {
    await storage.close();
  }
}

describe('TLS to an agent of Consul', () => {
  it('works with the authority that is named', async () => {
    await attempt({ tls: secured }, { CONSUL_CACERT: authority });
    expect(agent?.tokensSeen).toEqual(new Set(['a-token']));
  });

  it('threat 24: tells nobody the token whose certificate is not the one to trust', async () => {
    for (const env of [{}, { CONSUL_CACERT: stranger }]) {
      await expect(attempt({ tls: secured }, env)).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('not one to trust'),
      });
      expect(agent?.requests).toEqual([]);
      await agent?.close();
    }
    await expect(
      attempt({ tls: secured }, { CONSUL_CACERT: authority }, '&server-name=another.example'),
    ).rejects.toMatchObject({
      message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
    });
    expect(agent?.requests).toEqual([]);
    await agent?.close();
    await expect(attempt({}, { CONSUL_CACERT: authority })).rejects.toMatchObject({ code: 'unavailable' });
    expect(agent?.requests).toEqual([]);
  });

  it('shows the certificate that is named, to whom asks for one', async () => {
    const tls = { ...secured, requestCert: true, rejectUnauthorized: true, ca: client.certificate };
    const shown = {
      CONSUL_CACERT: authority,
      CONSUL_CLIENT_CERT: certificate,
      CONSUL_CLIENT_KEY: certificateKey,
    };
    await attempt({ tls }, shown);
    await agent?.close();
    await expect(attempt({ tls }, { CONSUL_CACERT: authority })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  it('says which file can not be read', async () => {
    await expect(attempt({ tls: secured }, { CONSUL_CACERT: '/nowhere/ca.pem' })).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringContaining('/nowhere/ca.pem'),
    });
  });
});
