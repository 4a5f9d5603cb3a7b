/** TLS to the agent: who is trusted, who we are, and that no token is sent to anybody else. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
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

  it('threat 24: does not take a commit for undone whose answer somebody on the way spoiled', async () => {
    agent = await ConsulAgentFake.start({ tls: secured });
    await using way = await SpoiledWay.to(agent.port);
    const storage = await openConsulStorage({
      place: parseConsulPlace(`consul://127.0.0.1:${way.port}/coffer?tls=on`),
      create: true,
      env: { CONSUL_CACERT: authority },
    });
    try {
      const spoil = () => way.spoilNext();
      agent.faults.push({ status: 200, text: '', path: /^\/v1\/txn$/, done: true, after: spoil });
      const [revision] = await storage.commit([{ key: key('a'), value: bytes('1') }]);
      expect(way.spoiled).toBe(true);
      expect(await storage.read(key('a'))).toEqual({ value: bytes('1'), revision });
    } finally {
      await storage.close();
    }
  });

  it('says which file can not be read', async () => {
    await expect(attempt({ tls: secured }, { CONSUL_CACERT: '/nowhere/ca.pem' })).rejects.toMatchObject({
      code: 'store_unusable',
      message: expect.stringContaining('/nowhere/ca.pem'),
    });
  });
});

/** Between us and the agent: one who has no key, and can write what nobody can open. */
class SpoiledWay {
  spoiled = false;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer();
  #spoil = false;

  static async to(target: number): Promise<SpoiledWay> {
    const way = new SpoiledWay();
    way.#server.on('connection', (client) => {
      const server = connect(target, '127.0.0.1');
      for (const [here, there] of [
        [client, server],
        [server, client],
      ] as const) {
        way.#sockets.add(here);
        here.on('error', () => undefined).on('close', () => there.destroy());
      }
      client.on('data', (packet) => server.write(packet));
      server.on('data', (packet) => client.write(way.#passed(packet)));
    });
    await new Promise<void>((resolve) => way.#server.listen(0, '127.0.0.1', resolve));
    return way;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  spoilNext(): void {
    this.#spoil = true;
  }

  #passed(packet: Buffer): Buffer {
    if (!this.#spoil) return packet;
    this.#spoil = false;
    this.spoiled = true;
    // A record of application data (RFC 8446 §5.2) under no key of theirs.
    return Buffer.concat([Buffer.from([0x17, 3, 3, 0, 32]), Buffer.alloc(32, 1)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
