/** The tables of implementations: with a folder and a page in docs/reference, a row here is all that a new one needs. */
import type { AuditDeviceType } from '../audit-device/audit-device.ts';
import { discard } from '../audit-device/discard/discard.ts';
import { file } from '../audit-device/file/file.ts';
import { http } from '../audit-device/http/http.ts';
import { socket } from '../audit-device/socket/socket.ts';
import { stdout } from '../audit-device/stdout/stdout.ts';
import { syslog } from '../audit-device/syslog/syslog.ts';
import { appId } from '../auth/app-id/app-id.ts';
import { approle } from '../auth/approle/approle.ts';
import { aws } from '../auth/aws/aws.ts';
import { cert } from '../auth/cert/cert.ts';
import { jwt, oidc } from '../auth/jwt/jwt.ts';
import { kubernetes } from '../auth/kubernetes/kubernetes.ts';
import { totpWith } from '../auth/totp/totp.ts';
import { userpass } from '../auth/userpass/userpass.ts';
import { type AwsPlaces, noAwsPlaces } from '../aws/aws-places.ts';
import type { MountTypes } from '../core/mount/mounts.ts';
import { directory } from '../delivery/directory/directory.ts';
import { kubernetesTarget } from '../delivery/kubernetes/kubernetes.ts';
import { kvTarget } from '../delivery/kv/kv.ts';
import { type ListedPlaces, noDeliveryPlaces } from '../delivery/places.ts';
import { s3 } from '../delivery/s3/s3.ts';
import { secretsManager } from '../delivery/secretsmanager/secretsmanager.ts';
import { ssm } from '../delivery/ssm/ssm.ts';
import type { TargetType, TargetTypes } from '../delivery/target.ts';
import { awsCredentials } from '../engine/aws/aws.ts';
import { credstash } from '../engine/credstash/credstash.ts';
import { database } from '../engine/database/database.ts';
import { mysql } from '../engine/database/mysql/mysql.ts';
import { postgresql } from '../engine/database/postgresql/postgresql.ts';
import { generic, kv } from '../engine/kv/kv.ts';
import { roleSecrets } from '../engine/role-secrets/role-secrets.ts';
import { serviceUsers } from '../engine/service-users/service-users.ts';
import { totp } from '../engine/totp/totp.ts';
import { transit } from '../engine/transit/transit.ts';
import type { DialectType } from '../http/dialect/dialect.ts';
import { dssss } from '../http/dialect/dssss/dssss.ts';
import { mint } from '../http/dialect/mint/mint.ts';
import { stsftw } from '../http/dialect/stsftw/stsftw.ts';
import type { NotifierType } from '../notifier/notifier.ts';
import { smtp } from '../notifier/smtp/smtp.ts';
import { sns } from '../notifier/sns/sns.ts';
import { webhook } from '../notifier/webhook/webhook.ts';
import { outgoing } from '../outgoing/https.ts';
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
import { builtin } from '../service-user/builtin/builtin.ts';
import type { ProviderType, ProviderTypes } from '../service-user/provider.ts';
import { consul } from '../storage/consul/type.ts';
import { dynamodb } from '../storage/dynamodb/type.ts';
import { lmdb } from '../storage/lmdb/type.ts';
import { memory } from '../storage/memory/type.ts';
import { postgres } from '../storage/postgres/type.ts';
import type { StorageType } from '../storage/storage-type.ts';

/**
 * @param places where mounts may have the server go at AWS
 * @param delivery where credentials of applications may be delivered; asked at each call
 */
export function mountTypesFor(
  places: AwsPlaces,
  delivery: ListedPlaces = () => noDeliveryPlaces,
): MountTypes {
  return {
    engines: new Map(
      [
        kv,
        generic,
        transit,
        totp,
        database([postgresql, mysql]),
        credstash(places),
        roleSecrets,
        awsCredentials(places),
        serviceUsers({ targets: targetTypesFor(places, delivery), providers: providerTypesFor(places) }),
      ].map((type) => [type.type, type]),
    ),
    authMethods: new Map(
      [appId, approle, cert, userpass, jwt, oidc, kubernetes, aws(places), totpWith({ places })].map(
        (type) => [type.type, type],
      ),
    ),
  };
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

/**
 * @param places where deliveries may go at AWS
 * @param delivery where they may go at all; asked at each call
 */
export function targetTypesFor(places: AwsPlaces, delivery: ListedPlaces): TargetTypes {
  const types: readonly TargetType[] = [
    s3(places, delivery),
    directory(delivery),
    kvTarget,
    secretsManager(places, delivery),
    ssm(places, delivery),
    kubernetesTarget(outgoing, delivery, { env: places.env }),
  ];
  return new Map(types.map((type) => [type.scheme, type]));
}

/** @param places where service users may be at AWS */
export function providerTypesFor(_places: AwsPlaces): ProviderTypes {
  const types: readonly ProviderType[] = [builtin];
  return new Map(types.map((type) => [type.type, type]));
}
