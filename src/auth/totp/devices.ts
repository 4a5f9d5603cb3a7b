/** The endpoints of an account's devices: those that are there, one that comes with a URL from elsewhere, and their end. */
import { timingSafeEqual } from 'node:crypto';
import { type Call, type Endpoint, endpoint, type Fields, type FieldValues } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import type { ViewWrite } from '../../core/view.ts';
import { randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import {
  type AccountRecord,
  accountExpectation,
  accountPath,
  type DeviceEntry,
  type DeviceRecord,
  decodeDevice,
  devicePath,
  encodeAccount,
  encodeDevice,
  freeSlot,
  mostDevices,
  type ReadAccount,
  readAccount,
} from './account.ts';
import { type AccountName, namedIn } from './names.ts';
import type { TotpRooms } from './rooms.ts';
import { type Seed, seedOfUrl } from './seed.ts';

const fields = {
  url: {
    type: 'string',
    help: 'The secret and all about it, as otpauth://totp/…; for a device that is not there yet.',
    sensitive: true,
  },
  disabled: { type: 'bool', help: 'Its codes are refused, and tokens got by them are not renewed.' },
} as const satisfies Fields;

type DeviceFields = FieldValues<typeof fields>;

export function deviceEndpoints(rooms: TotpRooms): readonly Endpoint[] {
  return [listEndpoint(), deviceEndpoint(rooms)];
}

function listEndpoint(): Endpoint {
  return endpoint({
    pattern: 'accounts/:issuer/:account/devices',
    help: 'Lists an account’s devices.',
    fields: {},
    operations: {
      list: {
        summary: 'List devices',
        response: { keys: { type: 'list' } },
        handle: async (call) => {
          const read = await readAccount(call.view, namedIn(call.params));
          return { data: { keys: read?.account.devices.map(({ id }) => id).toSorted() ?? [] } };
        },
      },
    },
  });
}

function deviceEndpoint(rooms: TotpRooms): Endpoint {
  return endpoint({
    pattern: 'accounts/:issuer/:account/devices/:id',
    help: 'Shows, takes in, disables or deletes a device. Its secret is never shown.',
    fields,
    operations: {
      read: {
        summary: 'Show a device',
        response: {
          id: { type: 'string' },
          algorithm: { type: 'string' },
          digits: { type: 'int' },
          period: { type: 'duration' },
          disabled: { type: 'bool' },
          source: { type: 'string', help: 'import, enrolment or inbox.' },
          added_time: { type: 'string' },
          last_code_time: { type: 'string', nullable: true, help: 'When the step of its last code began.' },
        },
        handle: async (call) => {
          const found = await findDevice(call);
          return found === undefined ? undefined : { data: shown(found.entry, found.record) };
        },
      },
      update: {
        summary: 'Take in or disable a device',
        sudo: true,
        handle: async (call) => {
          await writeDevice(rooms, call);
          return undefined;
        },
      },
      delete: {
        summary: 'Delete a device',
        handle: async (call) => {
          await retryOnConflict(async () => {
            const name = namedIn(call.params);
            const read = await readAccount(call.view, name);
            const entry = read?.account.devices.find(({ id }) => id === call.params['id']);
            if (read === undefined || entry === undefined) return;
            const change = withoutDevice(name, read.account, entry);
            await call.view.commit(change.writes, [accountExpectation(name, read)]);
          });
          return undefined;
        },
      },
    },
  });
}

async function findDevice(call: Call) {
  const name = namedIn(call.params);
  const read = await readAccount(call.view, name);
  const entry = read?.account.devices.find(({ id }) => id === call.params['id']);
  const sealed = entry === undefined ? undefined : await call.view.read(devicePath(name, entry.slot));
  if (entry === undefined || sealed === undefined) return undefined;
  return { entry, record: decodeDevice(sealed.open()) };
}

function shown(entry: DeviceEntry, { algorithm, digits, period, lastStep }: DeviceRecord) {
  return {
    id: entry.id,
    algorithm,
    digits,
    period,
    disabled: entry.disabled,
    source: entry.source,
    added_time: new Date(entry.addedAt).toISOString(),
    last_code_time: lastStep < 0 ? null : new Date(lastStep * period * 1_000).toISOString(),
  };
}

/** Throws `invalid_request`. */
export function parseDeviceId(text: string | undefined): string {
  if (text !== undefined && /^\w(?:[\w.-]{0,62}\w)?$/.test(text)) return text;
  throw new CofferError(
    'invalid_request',
    'a device’s id has 1 to 64 letters, digits, "_", "-" and ".", and begins and ends with a letter, digit or "_"',
  );
}

async function writeDevice(rooms: TotpRooms, call: Call & { readonly fields: DeviceFields }): Promise<void> {
  const name = namedIn(call.params);
  const id = parseDeviceId(call.params['id']);
  const { url, disabled } = call.fields;
  if (url === undefined && disabled === undefined) {
    throw new CofferError('invalid_request', 'missing field "url" or "disabled"');
  }
  const seed = url === undefined ? undefined : seedOfUrl(url);
  await retryOnConflict(async () => {
    const read = await readAccount(call.view, name);
    if (read === undefined) throw new CofferError('invalid_request', 'there is no such account');
    const entry = read.account.devices.find((device) => device.id === id);
    if (entry !== undefined) return changeDevice(call, name, read, entry, seed);
    if (seed === undefined) throw new CofferError('invalid_request', 'there is no such device');
    const added = withDevice(rooms, name, read.account, { id, source: 'import' }, seed, -1);
    const writes = [accountWrite(withDisabled(added.account, id, disabled)), added.write];
    await call.view.commit(writes, [accountExpectation(name, read)]);
  });
}

/** A secret is never exchanged in place. Handing in the same one again changes nothing, so that an import can be done again. */
async function changeDevice(
  call: Call & { readonly fields: DeviceFields },
  name: AccountName,
  read: ReadAccount,
  entry: DeviceEntry,
  seed: Seed | undefined,
): Promise<void> {
  if (seed !== undefined) {
    const sealed = await call.view.read(devicePath(name, entry.slot));
    if (sealed === undefined || !isSameSeed(decodeDevice(sealed.open()), seed)) {
      throw new CofferError(
        'conflict',
        'there is a device of this id: delete it first, or choose another id',
      );
    }
  }
  const { disabled } = call.fields;
  if (disabled === undefined || disabled === entry.disabled) return;
  const account = withDisabled(read.account, entry.id, disabled);
  await call.view.commit([accountWrite(account)], [accountExpectation(name, read)]);
}

function isSameSeed(one: Seed, other: Seed): boolean {
  return (
    one.key.length === other.key.length &&
    timingSafeEqual(one.key, other.key) &&
    one.algorithm === other.algorithm &&
    one.digits === other.digits &&
    one.period === other.period
  );
}

function withDisabled(account: AccountRecord, id: string, disabled: boolean | undefined): AccountRecord {
  if (disabled === undefined) return account;
  return {
    ...account,
    devices: account.devices.map((device) => (device.id === id ? { ...device, disabled } : device)),
  };
}

export function accountWrite(account: AccountRecord): ViewWrite {
  return { path: accountPath(account), value: encodeAccount(account) };
}

/**
 * The account with one device more, and what is to be written for the device. Throws `invalid_request` where all places are taken.
 * @param lastStep the latest step that is used up
 */
export function withDevice(
  { environment }: TotpRooms,
  name: AccountName,
  account: AccountRecord,
  { id, source }: Pick<DeviceEntry, 'id' | 'source'>,
  seed: Seed,
  lastStep: number,
): { readonly account: AccountRecord; readonly write: ViewWrite } {
  const slot = freeSlot(account);
  if (slot === undefined) {
    throw new CofferError('invalid_request', `an account has at most ${mostDevices} devices`);
  }
  const uid = randomUuid(environment.random);
  const addedAt = environment.clock.now();
  const entry: DeviceEntry = { id, uid, slot, disabled: false, source, addedAt };
  return {
    account: { ...account, devices: [...account.devices, entry] },
    write: { path: devicePath(name, slot), value: encodeDevice({ ...seed, uid, lastStep }) },
  };
}

/** The account without a device, and the writes that make it so. */
export function withoutDevice(
  name: AccountName,
  account: AccountRecord,
  gone: DeviceEntry,
): { readonly account: AccountRecord; readonly writes: readonly ViewWrite[] } {
  const after = { ...account, devices: account.devices.filter(({ uid }) => uid !== gone.uid) };
  return {
    account: after,
    writes: [accountWrite(after), { path: devicePath(name, gone.slot), value: null }],
  };
}
