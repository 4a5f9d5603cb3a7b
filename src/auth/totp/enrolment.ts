/**
 * Enrolling a device with an invitation. Its secret is made here and shown to whoever has the invitation, once; the device counts when it
 * has shown two codes in a row, by which its clock and its settings are proven too.
 */
import { timingSafeEqual } from 'node:crypto';
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import type { ViewWrite } from '../../core/view.ts';
import { drawBarcode } from '../../crypto/barcode.ts';
import { stepAt } from '../../crypto/one-time-code.ts';
import { formatOtpauth } from '../../crypto/otpauth.ts';
import { CofferError } from '../../errors.ts';
import { type AccountRecord, devicePath } from './account.ts';
import { parseCode } from './codes.ts';
import { configPath, decodeConfig } from './config.ts';
import { accountWrite, withDevice } from './devices.ts';
import {
  badInvitation,
  encodeInvitation,
  type Invitation,
  invitationPath,
  type ReadInvitation,
  readInvitation,
} from './invitation.ts';
import { newRecoveryCodes } from './recovery.ts';
import type { TotpRooms } from './rooms.ts';
import type { Seed } from './seed.ts';
import { tell } from './told.ts';

/** Bytes of a new device's secret: RFC 4226 §4 (R6) recommends 160 bits. */
const keyBytes = 20;
/** Pixels of a side, unless told. */
const barcodeSide = 300;
/** Wrong pairs of codes after which an invitation is used up. */
const mostWrong = 10;

const startFields = {
  invitation: { type: 'string', help: 'The invitation.', sensitive: true },
  qr_size: { type: 'int', help: 'Pixels of a side of the barcode, up to 2000; 300 when absent, 0 for none.' },
} as const;

const finishFields = {
  invitation: { type: 'string', help: 'The invitation.', sensitive: true },
  code: { type: 'string', help: 'A code of the new device.', sensitive: true },
  next_code: { type: 'string', help: 'The code that it showed next.', sensitive: true },
} as const;

export function enrolmentEndpoints(rooms: TotpRooms): readonly Endpoint[] {
  return [startEndpoint(rooms), finishEndpoint(rooms)];
}

function startEndpoint(rooms: TotpRooms): Endpoint {
  return endpoint({
    pattern: 'enroll/start',
    help: 'Begins the enrolment of a device with an invitation, which nobody can begin with again: shows the secret of the new device as a URL and as a barcode.',
    fields: startFields,
    operations: {
      update: {
        summary: 'Begin an enrolment',
        login: true,
        response: {
          url: { type: 'string', sensitive: true },
          barcode: {
            type: 'string',
            sensitive: true,
            optional: true,
            help: 'The url as a QR code: a PNG, base64.',
          },
          issuer: { type: 'string' },
          account: { type: 'string' },
          device: { type: 'string', help: 'Id of the device to come.' },
          algorithm: { type: 'string' },
          digits: { type: 'int' },
          period: { type: 'duration' },
        },
        handle: (call) => start(rooms, call),
      },
    },
  });
}

async function start(
  { environment }: TotpRooms,
  call: Call & { readonly fields: FieldValues<typeof startFields> },
): Promise<Reply> {
  const { invitation: text, qr_size: side = barcodeSide } = call.fields;
  if (side < 0) throw new CofferError('invalid_request', 'the qr_size value is 0 or more');
  const found = await readInvitation(environment, call.view, text);
  const { invitation, digest, expectations } = found;
  // Whoever comes second learns that somebody was first, and asks for another invitation.
  if (invitation.seed !== undefined) throw badInvitation();
  const { algorithm, digits, period } = decodeConfig(await call.view.read(configPath));
  const seed: Seed = { key: environment.random.bytes(keyBytes), algorithm, digits, period };
  const { issuer, account, device } = invitation;
  const url = formatOtpauth(seed.key, issuer, account, seed);
  // Drawn first: where it cannot be, nothing has changed.
  const barcode = side === 0 ? undefined : await drawBarcode(url, side);
  await call.view.commit(
    [{ path: invitationPath(digest), value: encodeInvitation({ ...invitation, seed }) }],
    expectations,
  );
  const shown = { url, issuer, account, device, algorithm, digits, period };
  return { data: barcode === undefined ? shown : { ...shown, barcode }, durable: true };
}

function finishEndpoint(rooms: TotpRooms): Endpoint {
  return endpoint({
    pattern: 'enroll/finish',
    help: 'Ends an enrolment: takes two codes in a row of the new device. With a first device come recovery codes, which are shown this once.',
    fields: finishFields,
    operations: {
      update: {
        summary: 'End an enrolment',
        login: true,
        response: {
          device: { type: 'string' },
          issuer: { type: 'string' },
          account: { type: 'string' },
          recovery_codes: {
            type: 'list',
            sensitive: true,
            help: 'Empty where the account has some already.',
          },
        },
        handle: (call) => finish(rooms, call),
      },
    },
  });
}

async function finish(
  rooms: TotpRooms,
  call: Call & { readonly fields: FieldValues<typeof finishFields> },
): Promise<Reply> {
  const code = parseCode(call.fields.code);
  const next = parseCode(call.fields.next_code, 'next_code');
  if (code === next) {
    throw new CofferError('invalid_request', 'the two codes are the same: wait for the next one');
  }
  const found = await readInvitation(rooms.environment, call.view, call.fields.invitation);
  const { seed } = found.invitation;
  if (seed === undefined) throw new CofferError('invalid_request', 'the enrolment was not begun yet');
  const step = stepOfPair(rooms, seed, code, next, call.clock.now());
  if (step === undefined) return refusePair(call, found);
  const config = decodeConfig(await call.view.read(configPath));
  const { invitation, digest, read, expectations } = found;
  const wanted = read.account.recovery.length === 0 ? config.recoveryCodes : 0;
  const recovery = newRecoveryCodes(rooms.environment, read.account.id, wanted);
  const before = {
    ...read.account,
    invitation: null,
    recovery: [...read.account.recovery, ...recovery.digests],
  };
  const { account, writes } = enrolled(rooms, before, invitation, seed, step);
  await call.view.commit(
    [accountWrite(account), ...writes, { path: invitationPath(digest), value: null }],
    expectations,
  );
  return {
    data: {
      device: invitation.device,
      issuer: invitation.issuer,
      account: invitation.account,
      recovery_codes: recovery.texts,
    },
    durable: true,
    afterwards: () =>
      tell(rooms, { outcome: 'device enrolled', account: invitation, remoteAddress: call.remoteAddress }),
  };
}

/**
 * The step of the second of two codes in a row; undefined where they are none. Whoever types two codes takes a step longer than for
 * one, so that the first may be two steps old. All are looked at.
 */
function stepOfPair(
  { derive }: TotpRooms,
  seed: Seed,
  code: string,
  next: string,
  now: number,
): number | undefined {
  const current = stepAt(now, seed);
  const steps = [-2, -1, 0, 1].map((off) => Math.max(0, current + off));
  const right = steps.map((step) => derive(seed.key, step, seed));
  let found: number | undefined;
  for (const [index, step] of steps.entries()) {
    if (index === 0) continue;
    const isFirst = isSame(code, right[index - 1] ?? '');
    const isSecond = isSame(next, right[index] ?? '');
    if (isFirst && isSecond) found = step;
  }
  return found;
}

function isSame(sent: string, right: string): boolean {
  const one = Buffer.from(sent);
  const other = Buffer.from(right);
  return one.length === other.length && timingSafeEqual(one, other);
}

async function refusePair(
  call: Pick<Call, 'view'>,
  { invitation, digest, read, expectations }: ReadInvitation,
): Promise<never> {
  const wrong = invitation.wrong + 1;
  const path = invitationPath(digest);
  const writes =
    wrong < mostWrong
      ? [{ path, value: encodeInvitation({ ...invitation, wrong }) }]
      : [{ path, value: null }, accountWrite({ ...read.account, invitation: null })];
  await call.view.commit(writes, expectations);
  throw new CofferError(
    'invalid_request',
    'these are not two codes in a row of the new device: check its clock, and send a code and the one after it',
  );
}

/** The account with its new device, and without the one that it replaces. */
function enrolled(
  rooms: TotpRooms,
  before: AccountRecord,
  invitation: Invitation,
  seed: Seed,
  lastStep: number,
): { readonly account: AccountRecord; readonly writes: readonly ViewWrite[] } {
  const kept = before.devices.filter(({ uid }) => uid !== invitation.replaces);
  const gone = before.devices.find(({ uid }) => uid === invitation.replaces);
  const device = { id: invitation.device, source: 'enrolment' } as const;
  if (kept.some(({ id }) => id === device.id)) {
    throw new CofferError(
      'invalid_request',
      'there is a device of this id by now: ask for another invitation',
    );
  }
  const added = withDevice(rooms, invitation, { ...before, devices: kept }, device, seed, lastStep);
  const old = gone === undefined ? undefined : devicePath(invitation, gone.slot);
  const writes = old === undefined || old === added.write.path ? [] : [{ path: old, value: null }];
  return { account: added.account, writes: [added.write, ...writes] };
}
