/** TLS to a real server: who is trusted, and that nothing is sent to anybody else. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../test/fakes/certificate.ts';
import { OwnPostgresql } from '../../../test/setup/own-postgresql.ts';
import { bytes, key } from '../opened-storage.ts';
import { openPostgresStorage } from './postgres.ts';

const elsewhere = '127.0.0.2';
const server = await OwnPostgresql.make([`listen_addresses='127.0.0.1,${elsewhere}'`]);

describe.skipIf(server === undefined)('TLS to PostgreSQL', () => {
  if (server === undefined) return;
  const files = mkdtempSync(join(tmpdir(), 'coffer-tls-'));
  const put = (name: string, text: string) => {
    writeFileSync(join(files, name), text);
    return join(files, name);
  };
  const own = makeCertificate('postgresql');
  const authority = put('own.pem', own.certificate);
  const stranger = put('stranger.pem', makeCertificate('postgresql').certificate);

  beforeAll(() => server.start());
  afterAll(async () => {
    await server.dispose();
    rmSync(files, { recursive: true });
  });

  async function session(query: string, host = '127.0.0.1'): Promise<unknown> {
    const url = server?.url(server.port, query).replace('127.0.0.1', host) ?? '';
    const storage = await openPostgresStorage({ url, create: true });
    try {
      await storage.commit([{ key: key('a'), value: bytes('1') }]);
      const asked =
        "SELECT bool_and(ssl) AS ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name LIKE 'coffer%'";
      return (await server?.sql(asked))?.[0]?.['ssl'];
    } finally {
      await storage.close();
    }
  }

  it('threat 24: is not left out where a server has none', async () => {
    for (const mode of ['require', 'verify-full']) {
      await expect(session(`?sslmode=${mode}`)).rejects.toMatchObject({ code: 'unavailable' });
    }
    expect(await session('?sslmode=disable')).toBe(false);
  });

  describe('of a server that has it', () => {
    beforeAll(async () => {
      await server.stop();
      const [cert, secret] = [server.place('tls.crt', own.certificate), server.place('tls.key', own.key)];
      server.configure(['ssl=on', `ssl_cert_file='${cert}'`, `ssl_key_file='${secret}'`]);
      await server.start();
    });

    it('is used, and the certificate checked against the file', async () => {
      expect(await session(`?sslmode=verify-full&sslrootcert=${authority}`)).toBe(true);
      expect(await session(`?sslrootcert=${authority}`)).toBe(true);
    });

    it('threat 24: refuses a certificate of another authority', async () => {
      for (const mode of ['verify-ca', 'verify-full']) {
        await expect(session(`?sslmode=${mode}&sslrootcert=${stranger}`)).rejects.toMatchObject({
          code: 'unavailable',
        });
      }
      await expect(session('?sslmode=verify-full')).rejects.toMatchObject({ code: 'unavailable' });
      expect(await session('?sslmode=require')).toBe(true);
    });

    it('threat 24: refuses a certificate for another name, unless the name is not to count', async () => {
      const wrong = session(`?sslmode=verify-full&sslrootcert=${authority}`, elsewhere);
      await expect(wrong).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(/certificate/),
      });
      expect(await session(`?sslmode=verify-ca&sslrootcert=${authority}`, elsewhere)).toBe(true);
    });

    it('says which file it cannot read', async () => {
      const missing = session(`?sslrootcert=${join(files, 'missing.pem')}`);
      await expect(missing).rejects.toMatchObject({
        code: 'store_unusable',
        message: expect.stringMatching(/missing\.pem/),
      });
    });
  });
});
