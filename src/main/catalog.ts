/** The tables of implementations: with a folder and a page in docs/reference, a row here is all that a new one needs. */
import type { AuditDeviceType } from '../audit-device/audit-device.ts';
import { discard } from '../audit-device/discard/discard.ts';
import { file } from '../audit-device/file/file.ts';
import { http } from '../audit-device/http/http.ts';
import { socket } from '../audit-device/socket/socket.ts';
import { stdout } from '../audit-device/stdout/stdout.ts';
import { syslog } from '../audit-device/syslog/syslog.ts';
import { type AwsPlaces, noAwsPlaces } from '../aws/aws-places.ts';
import type { MountTypes } from '../core/mount/mounts.ts';
import { type ListedPlaces, noDeliveryPlaces } from '../delivery/places.ts';
import type { DatabasePlugin } from '../engine/database/plugin.ts';
import type { AuthMethodRow, EngineRow } from '../engine/engine.ts';
import { pointerFormats } from '../engine/kv/pointer-formats.ts';
import type { DialectType } from '../http/dialect/dialect.ts';
import { dssss } from '../http/dialect/dssss/dssss.ts';
import { mint } from '../http/dialect/mint/mint.ts';
import { stsftw } from '../http/dialect/stsftw/stsftw.ts';
import type { NotifierType } from '../notifier/notifier.ts';
import { smtp } from '../notifier/smtp/smtp.ts';
import { sns } from '../notifier/sns/sns.ts';
import { webhook } from '../notifier/webhook/webhook.ts';
import type { AddressedSeal } from '../seal/addressed-seal.ts';
import { awskms } from '../seal/awskms/awskms.ts';
import { awskmsByHand } from '../seal/awskms/manual.ts';
import type { ManualSeal } from '../seal/collector.ts';
import { keyfileByHand } from '../seal/keyfile/manual.ts';
import { keyfileSlots } from '../seal/keyfile/slot-maker.ts';
import { passphraseByHand } from '../seal/passphrase/manual.ts';
import { passphraseSlots } from '../seal/passphrase/slot-maker.ts';
import { shamirByHand } from '../seal/shamir/manual.ts';
import { shamirSlots } from '../seal/shamir/slot-maker.ts';
import type { SlotMaker } from '../seal/slot-maker.ts';
import { consul } from '../storage/consul/type.ts';
import { dynamodb } from '../storage/dynamodb/type.ts';
import { lmdb } from '../storage/lmdb/type.ts';
import { memory } from '../storage/memory/type.ts';
import { postgres } from '../storage/postgres/type.ts';
import type { StorageType } from '../storage/storage-type.ts';
import { lazyRow } from './lazy-row.ts';

/**
 * What can be mounted. A row has what must be known of a type that nobody mounted, and the way to its code, which a process loads with
 * the first mount of it ([ADR 158](../../docs/adr/0158-what-is-mounted-is-loaded.md)).
 *
 * @param places where mounts may have the server go at AWS
 * @param delivery where credentials of applications may be delivered; asked at each call
 */
export function mountTypesFor(
  places: AwsPlaces,
  delivery: ListedPlaces = () => noDeliveryPlaces,
): MountTypes {
  return { engines: byType(enginesFor(places, delivery)), authMethods: byType(authMethodsFor(places)) };
}

function enginesFor(places: AwsPlaces, delivery: ListedPlaces): readonly EngineRow[] {
  return [
    lazyRow({ type: 'kv', formats: pointerFormats }, async () => (await import('../engine/kv/kv.ts')).kv),
    lazyRow({ type: 'generic' }, async () => (await import('../engine/kv/kv.ts')).generic),
    lazyRow({ type: 'transit' }, async () => (await import('../engine/transit/transit.ts')).transit),
    lazyRow({ type: 'totp' }, async () => (await import('../engine/totp/totp.ts')).totp),
    lazyRow({ type: 'database', plugins: databases.flatMap(({ names }) => names) }, async () => {
      const { database } = await import('../engine/database/database.ts');
      return database(await Promise.all(databases.map((each) => each.load())));
    }),
    lazyRow({ type: 'credstash' }, async () =>
      (await import('../engine/credstash/credstash.ts')).credstash(places),
    ),
    lazyRow(
      { type: 'role-secrets' },
      async () => (await import('../engine/role-secrets/role-secrets.ts')).roleSecrets,
    ),
    lazyRow({ type: 'aws' }, async () => (await import('../engine/aws/aws.ts')).awsCredentials(places)),
    lazyRow({ type: 'service-users' }, async () => {
      const { serviceUsers } = await import('../engine/service-users/service-users.ts');
      const { providerTypesFor, targetTypesFor } = await import('./service-users-catalog.ts');
      return serviceUsers({
        targets: targetTypesFor(places, delivery),
        providers: providerTypesFor(places),
      });
    }),
  ];
}

/** The databases of the engine of that name. */
const databases: readonly (Pick<DatabasePlugin, 'names'> & { load(): Promise<DatabasePlugin> })[] = [
  {
    names: ['postgresql-database-plugin'],
    load: async () => (await import('../engine/database/postgresql/postgresql.ts')).postgresql,
  },
  {
    names: [
      'mysql-database-plugin',
      'mysql-legacy-database-plugin',
      'mysql-rds-database-plugin',
      'mysql-aurora-database-plugin',
    ],
    load: async () => (await import('../engine/database/mysql/mysql.ts')).mysql,
  },
];

function authMethodsFor(places: AwsPlaces): readonly AuthMethodRow[] {
  return [
    lazyRow({ type: 'app-id' }, async () => (await import('../auth/app-id/app-id.ts')).appId),
    lazyRow(
      { type: 'approle', locksNames: true },
      async () => (await import('../auth/approle/approle.ts')).approle,
    ),
    lazyRow({ type: 'cert' }, async () => (await import('../auth/cert/cert.ts')).cert),
    lazyRow(
      { type: 'userpass', locksNames: true },
      async () => (await import('../auth/userpass/userpass.ts')).userpass,
    ),
    lazyRow({ type: 'jwt' }, async () => (await import('../auth/jwt/jwt.ts')).jwt),
    lazyRow({ type: 'oidc' }, async () => (await import('../auth/jwt/jwt.ts')).oidc),
    lazyRow(
      { type: 'kubernetes' },
      async () => (await import('../auth/kubernetes/kubernetes.ts')).kubernetes,
    ),
    lazyRow({ type: 'aws' }, async () => (await import('../auth/aws/aws.ts')).aws(places)),
    lazyRow({ type: 'totp', locksNames: true }, async () =>
      (await import('../auth/totp/totp.ts')).totpWith({ places }),
    ),
  ];
}

function byType<T extends { readonly type: string }>(rows: readonly T[]): ReadonlyMap<string, T> {
  return new Map(rows.map((row) => [row.type, row]));
}

export const mountTypes: MountTypes = mountTypesFor(noAwsPlaces);

export const storageTypes: readonly StorageType[] = [lmdb, postgres, dynamodb, consul, memory];

export const manualSeals: readonly ManualSeal[] = [
  keyfileByHand,
  shamirByHand,
  passphraseByHand,
  awskmsByHand,
];

/** Seals whose keys the settings name; they make slots, too. */
export const addressedSeals: readonly AddressedSeal[] = [awskms];

export const slotMakers: readonly SlotMaker[] = [keyfileSlots, shamirSlots, passphraseSlots];

export const auditDeviceTypes: ReadonlyMap<string, AuditDeviceType> = new Map(
  [file, stdout, discard, socket, syslog, http].map((type) => [type.type, type]),
);

/** What listeners speak besides Vault's wire. */
export const dialectTypes: readonly DialectType[] = [dssss, stsftw, mint];
/** @param places where notifiers may have the server go at AWS */
export function notifierTypesFor(places: AwsPlaces): ReadonlyMap<string, NotifierType> {
  return new Map([webhook, sns(places), smtp].map((type) => [type.type, type]));
}
