import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../test/fakes/certificate.ts';
import { isCertificateList } from './keys.ts';

describe('a list of certificates', () => {
  const { certificate } = makeCertificate('sample');
  const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  it('is one or several, with any words between', () => {
    expect(isCertificateList(certificate)).toBe(true);
    expect(isCertificateList(`of us\n${certificate}\nof them\n${certificate}`)).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['words', 'certificate'],
    ['one that is cut', certificate.slice(0, -40)],
    ['a key', key],
  ])('is not %s', (_, text) => {
    expect(isCertificateList(text)).toBe(false);
  });

  it('threat 16: is not one with a private key in it, since what is taken is shown', () => {
    expect(isCertificateList(certificate + key)).toBe(false);
    expect(isCertificateList(key + certificate)).toBe(false);
  });
});
