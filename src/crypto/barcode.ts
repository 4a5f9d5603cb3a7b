/** A URL as a picture for phones: a QR code (ISO/IEC 18004) in a PNG (RFC 2083) of one bit a pixel. */
import { CofferError } from '../errors.ts';

/** White modules around the code, as the standard asks for. */
const quietZone = 4;
/** Pixels of a side. */
const largestSide = 2_000;
/** Bytes that the largest code holds, with medium and with low error correction. */
const capacity = { M: 2_331, L: 2_953 } as const;
/** The same with high error correction. */
const highCapacity = 1_273;

/**
 * The picture, base64, with sides of `size` pixels. Undefined where the text is longer than any code holds. Throws
 * `invalid_request` for a size in which it cannot be drawn.
 */
export async function drawBarcode(text: string, size: number): Promise<string | undefined> {
  if (size > largestSide) throw badSize(`at most ${largestSide}`);
  const bytes = Buffer.byteLength(text);
  if (bytes > capacity.L) return undefined;
  const [{ default: qrcode }, { deflateSync }] = await Promise.all([
    import('qrcode-generator'),
    import('node:zlib'),
  ]);
  const code = qrcode(0, bytes > capacity.M ? 'L' : 'M');
  code.addData(text, 'Byte');
  code.make();
  const modules = code.getModuleCount();
  const scale = Math.floor(size / (modules + 2 * quietZone));
  if (scale < 1) throw badSize(`at least ${modules + 2 * quietZone} for this url, or 0 for no barcode`);
  const margin = Math.floor((size - modules * scale) / 2);
  return encodePng(size, deflateSync, (x, y) => {
    const column = Math.floor((x - margin) / scale);
    const row = Math.floor((y - margin) / scale);
    const inside = column >= 0 && row >= 0 && column < modules && row < modules;
    return inside && code.isDark(row, column);
  }).toString('base64');
}

/**
 * The code as lines of full blocks for a terminal with a dark background, two characters a module, with high error correction: a
 * screen is photographed at an angle. Undefined where the text is longer than such a code holds.
 */
export async function drawBlocks(text: string): Promise<string | undefined> {
  if (Buffer.byteLength(text) > highCapacity) return undefined;
  const { default: qrcode } = await import('qrcode-generator');
  const code = qrcode(0, 'H');
  code.addData(text, 'Byte');
  code.make();
  const modules = code.getModuleCount();
  const places = Array.from({ length: modules + 2 * quietZone }, (_, at) => at - quietZone);
  const isLight = (row: number, column: number) =>
    row < 0 || column < 0 || row >= modules || column >= modules || !code.isDark(row, column);
  return places
    .map((row) => `${places.map((column) => (isLight(row, column) ? '██' : '  ')).join('')}\n`)
    .join('');
}

function badSize(what: string): CofferError {
  return new CofferError('invalid_request', `the qr_size value is ${what}`);
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function encodePng(
  side: number,
  deflate: (bytes: Buffer) => Buffer,
  isDark: (x: number, y: number) => boolean,
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  // One bit a pixel, grey: 1 is white.
  header[8] = 1;
  const stride = 1 + Math.ceil(side / 8);
  const pixels = Buffer.alloc(side * stride);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (isDark(x, y)) continue;
      const at = y * stride + 1 + (x >> 3);
      pixels[at] = (pixels[at] ?? 0) | (0x80 >> (x & 7));
    }
  }
  const parts = [chunk('IHDR', header), chunk('IDAT', deflate(pixels)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([signature, ...parts]);
}

function chunk(type: string, data: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** RFC 2083 §15. The platform's own is not in every Node 20. */
function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0xedb88320);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
