/**
 * Keys that are keys in form only. A key drawn at random practically never looks like any of these (the likeliest, 32 printable letters,
 * comes up once in 10^13), so each is a mistake: a placeholder, a counter, a passphrase, or a sample that the whole world knows.
 */
import { sha256 } from '../../crypto/digest.ts';
import { CofferError } from '../../errors.ts';

/** Fewer different bytes than this among 32 do not come from a generator. */
const fewestValues = 10;

/** SHA-256 of each key that appears in this project's published vectors and samples. */
const published: ReadonlySet<string> = new Set<string>([
  'c6ae14957ea09c053f7cbd556823b7457756d42479bbc99d922bd74f92caf27c',
  '5adce0394c9d1e448671e1c204e9c66e9b853d443e5ec866ca36ba116be4adc7',
  '513c2a10c02a9603d8dddea81cfa1b67ea00d6d253b20886796d78bded298d26',
  '7c84c171dfddb33220f7e8cf2eeceb8e0593e597134f26bde191a85048fda33e',
  '0975e887e9ea888c9baa4153d6a415241fbbf4ef26da52ca73d5aa71ecfd93ee',
  '0dc3e631be42ef1e8d67e6cea18a704dda8c6f8058980608c485219b2a4171ca',
  'bee31b566287cb9ee7d045a78087117a22402fd8397e1449e145686af1753261',
  '0906fe06769364f9bbac89cfb08618a40f646989add7ae5c0cbd9c6787ec01eb',
  'e8c65134fd399a7c5fd52ae2f25598d37e9b3347132328c80dbec49c8ebc6d59',
  'b3fa39a304dafc87e1ee2337d08740f991cfdc681c046d6c47c87b5dbac4e3f9',
  'ad47031c2c8b6362af9706c2168b09b164e2f8768ba10337182c597c9270b79a',
  '31983ec276ba312387ccb88fffeebf23e02e545857d6fc44a79f4ae1293de600',
]);

/** Throws `invalid_request` for a key of 32 bytes that nobody should use. */
export function checkKeyStrength(key: Buffer): void {
  if (published.has(sha256(key).toString('hex'))) {
    throw new CofferError(
      'invalid_request',
      'this key is a published sample that everybody knows; make a new one',
    );
  }
  if (new Set(key).size < fewestValues || isCounter(key) || isText(key)) {
    throw new CofferError(
      'invalid_request',
      'this key is a pattern or a text, not random bytes; make a new one',
    );
  }
}

/** Each byte differs from the one before by the same amount. */
function isCounter(key: Buffer): boolean {
  const step = ((key[1] ?? 0) - (key[0] ?? 0)) & 0xff;
  return key.every((byte, index) => index === 0 || ((byte - (key[index - 1] ?? 0)) & 0xff) === step);
}

function isText(key: Buffer): boolean {
  return key.every((byte) => byte >= 0x20 && byte < 0x7f);
}
