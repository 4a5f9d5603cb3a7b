/** Keys of one-time codes: made here for a device, or given by a service that asks for codes. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { drawBarcode } from '../../crypto/barcode.ts';
import { decodeBase32 } from '../../crypto/base32.ts';
import { formatOtpauth, hasControls, parseOtpauth } from '../../crypto/otpauth.ts';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import {
  decodeTotpKey,
  encodeTotpKey,
  keyFolder,
  keyPath,
  parseAlgorithm,
  parseDigits,
  parseKeyName,
  parsePeriod,
  parseSkew,
  type TotpKey,
} from './key.ts';

const fields = {
  generate: { type: 'bool', help: 'Make the secret here; otherwise it is given.' },
  exported: { type: 'bool', help: 'Answer the url of a secret made here; true when absent.' },
  key_size: { type: 'int', help: 'Bytes of a secret made here, 16 to 512; 20 when absent.' },
  key: { type: 'string', help: 'A given secret, in base32.', sensitive: true },
  url: { type: 'string', help: 'A given secret and all about it, as otpauth://totp/…', sensitive: true },
  issuer: { type: 'string', help: 'Who asks for the codes.' },
  account_name: { type: 'string', help: 'Whose codes they are.' },
  period: { type: 'duration', help: 'Seconds that a code lives; 30 when absent.' },
  algorithm: { type: 'string', help: 'SHA1 (the usual), SHA256 or SHA512.' },
  digits: { type: 'int', help: '6 (the usual) or 8.' },
  skew: { type: 'int', help: 'Periods by which clocks may differ: 1 (the usual) or 0.' },
  qr_size: { type: 'int', help: 'Pixels of a side of the barcode, up to 2000; 200 when absent, 0 for none.' },
} as const;

type KeyCall = Call & { readonly fields: FieldValues<typeof fields> };

export function keyEndpoints(random: Random): readonly Endpoint[] {
  return [listEndpoint(), keyEndpoint(random)];
}

function listEndpoint(): Endpoint {
  return endpoint({
    pattern: 'keys',
    help: 'Lists keys.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List keys',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => call.view.children(keyFolder, page), call.fields),
      },
    },
  });
}

function keyEndpoint(random: Random): Endpoint {
  return endpoint({
    pattern: 'keys/:name',
    help: 'Makes, shows or deletes a key of one-time codes. Making one takes the place of one that is there.',
    fields,
    operations: {
      read: {
        summary: 'Show a key',
        response: {
          account_name: { type: 'string' },
          algorithm: { type: 'string' },
          digits: { type: 'int' },
          issuer: { type: 'string' },
          period: { type: 'duration' },
        },
        handle: async (call) => {
          const stored = await call.view.read(keyPath(parseKeyName(call.params['name'])));
          return stored === undefined ? undefined : { data: shown(decodeTotpKey(stored.open())) };
        },
      },
      update: {
        summary: 'Make a key',
        response: {
          url: { type: 'string', sensitive: true, optional: true, help: 'Of a secret made here.' },
          barcode: {
            type: 'string',
            sensitive: true,
            optional: true,
            help: 'The url as a QR code: a PNG, base64.',
          },
        },
        handle: (call) => makeKey(random, call),
      },
      delete: {
        summary: 'Delete a key',
        handle: async (call) => {
          await call.view.commit([{ path: keyPath(parseKeyName(call.params['name'])), value: null }]);
          return undefined;
        },
      },
    },
  });
}

function shown({ accountName, algorithm, digits, issuer, period }: TotpKey) {
  return { account_name: accountName, algorithm, digits, issuer, period };
}

async function makeKey(random: Random, call: KeyCall): Promise<Reply | undefined> {
  const name = parseKeyName(call.params['name']);
  const generate = call.fields.generate ?? false;
  checkSizes(call.fields);
  const key = generate ? generatedKey(random, call.fields) : givenKey(call.fields);
  const isShown = generate && call.fields.exported !== false;
  // Drawn first: where it cannot be, nothing has changed.
  const data = isShown ? await shownOnce(key, call.fields.qr_size ?? 200) : undefined;
  await call.view.commit([{ path: keyPath(name), value: encodeTotpKey(key) }]);
  if (data === undefined) return undefined;
  return { data, ...('barcode' in data ? {} : { warnings: [noBarcode] }) };
}

/** What of a secret made here is answered, once. `barcode` is empty where none was asked for, and absent where none can be drawn. */
async function shownOnce(key: TotpKey, size: number) {
  const url = formatOtpauth(key.key, key.issuer, key.accountName, key);
  if (size === 0) return { barcode: '', url };
  const barcode = await drawBarcode(url, size);
  return barcode === undefined ? { url } : { barcode, url };
}

const noBarcode = 'the url is longer than a barcode holds';

function checkSizes({ qr_size: qrSize, key_size: keySize }: KeyCall['fields']): void {
  const refuse = (why: string) => new CofferError('invalid_request', why);
  if (qrSize !== undefined && qrSize < 0) {
    throw refuse('the qr_size value must be greater than or equal to zero');
  }
  if (keySize === undefined) return;
  if (keySize <= 0) throw refuse('the key_size value must be greater than zero');
  // RFC 4226 §4 asks for 128 bits at least.
  if (keySize < 16 || keySize > 512) throw refuse('the key_size value is from 16 to 512');
}

const fresh = { lastStep: -1, wrong: { step: -1, count: 0 } } as const;

function generatedKey(random: Random, sent: KeyCall['fields']): TotpKey {
  const refuse = (why: string) => new CofferError('invalid_request', why);
  if (sent.key !== undefined && sent.key !== '') {
    throw refuse('a key should not be passed if generate is true');
  }
  if (sent.url !== undefined && sent.url !== '') {
    throw refuse('a url should not be passed if generate is true');
  }
  const settings = settingsOf(sent);
  if (settings.accountName === '') throw refuse('the account_name value is required for generated keys');
  if (settings.issuer === '') throw refuse('the issuer value is required for generated keys');
  return { ...settings, ...fresh, key: random.bytes(sent.key_size ?? 20) };
}

/** Bytes of a given secret. Services of old gave ten. */
const shortestGiven = 10;
const longestGiven = 512;

/** What the URL says comes before what the request says. */
function givenKey(sent: KeyCall['fields']): TotpKey {
  const url = sent.url === undefined || sent.url === '' ? undefined : parseOtpauth(sent.url);
  const text = url === undefined ? (sent.key ?? '') : url.secret;
  if (text === '') throw new CofferError('invalid_request', 'the key value is required');
  const key = decodeBase32(text);
  if (key === undefined || key.length < shortestGiven || key.length > longestGiven) {
    throw new CofferError(
      'invalid_request',
      `invalid key value: it is base32 of ${shortestGiven} to ${longestGiven} bytes`,
    );
  }
  const settings = settingsOf({
    ...sent,
    issuer: url?.issuer ?? sent.issuer,
    account_name: url?.accountName ?? sent.account_name,
    period: numberOf(url?.period, 'period') ?? sent.period,
    digits: numberOf(url?.digits, 'digits') ?? sent.digits,
    algorithm: url?.algorithm ?? sent.algorithm,
  });
  return { ...settings, ...fresh, key };
}

function numberOf(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new CofferError('invalid_request', `an error occurred while parsing ${name} value in url`);
}

/** Characters of an issuer or an account. */
const longestName = 256;

function settingsOf(
  sent: {
    readonly [N in 'issuer' | 'account_name' | 'algorithm']?: string | undefined;
  } & { readonly [N in 'period' | 'digits' | 'skew']?: number | undefined },
): Omit<TotpKey, 'key' | keyof typeof fresh> {
  return {
    issuer: checkText(sent.issuer ?? '', 'issuer'),
    accountName: checkText(sent.account_name ?? '', 'account_name'),
    period: parsePeriod(sent.period ?? 30),
    digits: parseDigits(sent.digits ?? 6),
    algorithm: parseAlgorithm(sent.algorithm ?? 'SHA1'),
    skew: parseSkew(sent.skew ?? 1),
  };
}

function checkText(text: string, name: string): string {
  if (text.length <= longestName && !hasControls(text)) return text;
  throw new CofferError(
    'invalid_request',
    `the ${name} value has at most ${longestName} characters, none of them a control character`,
  );
}
