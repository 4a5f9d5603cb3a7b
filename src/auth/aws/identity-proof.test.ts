import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { provenDocument } from './identity-proof.ts';
import { publishedKeys } from './published-keys.ts';

const vectors = new URL('../../../test/vectors/aws-instance-identity/', import.meta.url);
const text = (name: string) => readFileSync(new URL(name, vectors), 'utf8');

interface Expected {
  readonly file: string;
  readonly endpoint: string;
  readonly valid: boolean;
  readonly document: Record<string, string>;
}
const expected: readonly Expected[] = JSON.parse(text('instance-identity-expected.json'));
const rules = { configured: [] };

function proofOf({ file, endpoint }: Expected) {
  if (endpoint !== 'signature') return { pkcs7: text(file) };
  const stem = file.replace(/\.(document\.json|sig\.b64)$/, '');
  return {
    identity: Buffer.from(text(`${stem}.document.json`)).toString('base64'),
    signature: text(`${stem}.sig.b64`),
  };
}

describe('documents that AWS signed', () => {
  it.each(expected.filter(({ valid }) => valid))('$file is believed', async (sample) => {
    const { accountId, region, instanceId, imageId, pendingTime = '' } = sample.document;
    expect((await provenDocument(proofOf(sample), rules)).document).toEqual({
      accountId,
      region,
      instanceId,
      imageId,
      pendingTime: Date.parse(pendingTime),
    });
  });

  it.each(expected.filter(({ valid }) => !valid))('threat 03: $file is not', async (sample) => {
    await expect(provenDocument(proofOf(sample), rules)).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('are not, where their form of proof is switched off', async () => {
    for (const sample of expected.filter(({ valid }) => valid)) {
      const answer = provenDocument(proofOf(sample), {
        configured: [],
        refused: ['pkcs7', 'rsa2048', 'signature'],
      });
      await expect(answer).rejects.toThrow(/not taken here/);
    }
  });

  it('come in lines too', async () => {
    const joined = text('instance-identity-pkcs7.b64').trim();
    const lines = joined.replace(/.{64}/g, '$&\n');
    expect((await provenDocument({ pkcs7: lines }, rules)).document.instanceId).toBe('i-0026c3af3b3c4e81e');
  });
});

describe('published keys', () => {
  const certificates: readonly { endpoint: string; region: string; spkiSha256: string }[] = JSON.parse(
    text('certificates.json'),
  );

  it('are those of the published certificates, each for its regions', () => {
    for (const { endpoint, region, spkiSha256 } of certificates) {
      const rows = publishedKeys.filter((row) => {
        const key = Buffer.from(row.key, 'base64');
        return row.endpoint === endpoint && createHash('sha256').update(key).digest('hex') === spkiSha256;
      });
      expect([endpoint, region, rows.length]).toEqual([endpoint, region, 1]);
      // The one for all regions is told apart from regions by its name.
      if (!region.includes('default')) expect(rows[0]?.regions.split(' ')).toContain(region);
    }
  });

  it('serve no region twice, and all can be read', () => {
    const served = publishedKeys.flatMap(({ endpoint, regions }) =>
      regions.split(' ').map((region) => `${endpoint} ${region}`),
    );
    expect(new Set(served).size).toBe(served.length);
    for (const { key } of publishedKeys) {
      const made = createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' });
      expect(['rsa', 'dsa']).toContain(made.asymmetricKeyType);
    }
  });

  it.each(['il-central-1', 'ca-west-1', 'ap-east-2', 'mx-central-1', 'eusc-de-east-1'])(
    'threat 03: of pkcs7 there are none for %s, which has no published one',
    (region) => {
      const found = publishedKeys.filter(
        ({ endpoint, regions }) => endpoint === 'pkcs7' && regions.split(' ').includes(region),
      );
      expect(found).toEqual([]);
    },
  );
});
