/** `secretsmanager`: secrets of AWS Secrets Manager. */
import type { AwsOptions } from '../../aws/aws-options.ts';
import type { AwsPlaces } from '../../aws/aws-places.ts';
import { secretDocuments } from '../../aws/secrets-manager.ts';
import { type NamedKind, namedTarget } from '../named-target.ts';
import type { ListedPlaces } from '../places.ts';
import type { TargetType } from '../target.ts';

export const secretsManagerKind: NamedKind = {
  scheme: 'secretsmanager',
  summary: 'secrets of AWS Secrets Manager',
  form: 'secretsmanager:apps?region=REGION',
  prefix: /^[A-Za-z0-9_+=.-]+(?:\/[A-Za-z0-9_+=.-]+)*$/,
  words: 'secrets are below names of letters, digits and any of _+=.- with "/" between them',
  client: secretDocuments,
};

/**
 * @param places where the server may go at AWS
 * @param patience for tests
 */
export function secretsManager(
  places: AwsPlaces,
  listed: ListedPlaces,
  patience: Pick<AwsOptions, 'deadline' | 'attempts'> = {},
): TargetType {
  return namedTarget(secretsManagerKind, places, listed, patience);
}
