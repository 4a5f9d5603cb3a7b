import { inflateSync } from 'node:zlib';
import jsQR from 'jsqr';
import { describe, expect, it } from 'vitest';
import { drawBarcode } from './barcode.ts';

/** What a phone would make of a picture as `drawBarcode` draws it: it reads the pixels and knows nothing of the code. */
function scan(base64: string): { readonly side: number; readonly text: string | undefined } {
  const png = Buffer.from(base64, 'base64');
  expect(png.subarray(0, 8).toString('hex')).toBe('89504e470d0a1a0a');
  const side = png.readUInt32BE(16);
  expect(png.readUInt32BE(20)).toBe(side);
  const pixels = inflateSync(png.subarray(41, 41 + png.readUInt32BE(33)));
  const stride = 1 + Math.ceil(side / 8);
  const colours = new Uint8ClampedArray(side * side * 4);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const white = ((pixels[y * stride + 1 + (x >> 3)] ?? 0) & (0x80 >> (x & 7))) !== 0;
      colours.fill(white ? 255 : 0, (y * side + x) * 4, (y * side + x) * 4 + 3);
      colours[(y * side + x) * 4 + 3] = 255;
    }
  }
  return { side, text: jsQR.default(colours, side, side)?.data };
}

const url = 'otpauth://totp/Acme:ann@example.com?algorithm=SHA1&digits=6&issuer=Acme&period=30&secret=';

describe('a barcode', () => {
  it.each([
    ['of the usual size', `${url}JBSWY3DPEHPK3PXP`, 200],
    ['that is large', `${url}JBSWY3DPEHPK3PXP`, 999],
    ['of a long url', url + 'A'.repeat(820), 600],
    ['of a url that needs less error correction', url + 'A'.repeat(2_300), 800],
  ])('%s is scanned as its url', async (_, text, size) => {
    expect(scan((await drawBarcode(text, size)) ?? '')).toEqual({ side: size, text });
  });

  it('is not drawn of what no code holds', async () => {
    expect(await drawBarcode('A'.repeat(2_954), 2_000)).toBeUndefined();
  });

  it.each([
    [20, /at least 49 for this url/],
    [2_001, /at most 2000/],
    [Number.MAX_SAFE_INTEGER, /at most 2000/],
  ])('is refused with sides of %d', async (size, message) => {
    await expect(drawBarcode(`${url}JBSWY3DPEHPK3PXP`, size)).rejects.toThrow(message);
  });
});
