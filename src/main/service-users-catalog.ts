/** The tables of what the engine `service-users` works with: loaded with its first mount. A new kind is a folder, a page and a row here. */
import type { AwsPlaces } from '../aws/aws-places.ts';
import { directory } from '../delivery/directory/directory.ts';
import { kubernetesTarget } from '../delivery/kubernetes/kubernetes.ts';
import { kvTarget } from '../delivery/kv/kv.ts';
import type { ListedPlaces } from '../delivery/places.ts';
import { s3 } from '../delivery/s3/s3.ts';
import { secretsManager } from '../delivery/secretsmanager/secretsmanager.ts';
import { ssm } from '../delivery/ssm/ssm.ts';
import type { TargetType, TargetTypes } from '../delivery/target.ts';
import { outgoing } from '../outgoing/https.ts';
import { serviceUserApi } from '../service-user/api/api.ts';
import { awsIam } from '../service-user/aws-iam/aws-iam.ts';
import { builtin } from '../service-user/builtin/builtin.ts';
import { keycloak } from '../service-user/keycloak/keycloak.ts';
import { postgresRoles } from '../service-user/postgres/postgres.ts';
import type { ProviderType, ProviderTypes } from '../service-user/provider.ts';

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
export function providerTypesFor(places: AwsPlaces): ProviderTypes {
  const types: readonly ProviderType[] = [builtin, serviceUserApi, keycloak, awsIam(places), postgresRoles];
  return new Map(types.map((type) => [type.type, type]));
}
