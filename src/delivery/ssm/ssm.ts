/** `ssm`: SecureString parameters of the Parameter Store. */
import type { AwsOptions } from '../../aws/aws-options.ts';
import type { AwsPlaces } from '../../aws/aws-places.ts';
import { parameterDocuments } from '../../aws/parameter-documents.ts';
import { type NamedKind, namedTarget } from '../named-target.ts';
import type { ListedPlaces } from '../places.ts';
import type { TargetType } from '../target.ts';

/** AWS keeps names below `/aws` and `/ssm` for itself, and takes fifteen levels; two are the application's and the document's. */
export const ssmKind: NamedKind = {
  scheme: 'ssm',
  summary: 'parameters of AWS’s Parameter Store',
  form: 'ssm:/apps?region=REGION',
  prefix: /^(?!\/(?:aws|ssm))(?:\/[A-Za-z0-9_.-]+){1,12}$/i,
  words:
    'parameters are below at most 12 names of letters, digits, "_", "." and "-", each with "/" before it, of which the first does not begin with aws or ssm',
  client: parameterDocuments,
};

/**
 * @param places where the server may go at AWS
 * @param patience for tests
 */
export function ssm(
  places: AwsPlaces,
  listed: ListedPlaces,
  patience: Pick<AwsOptions, 'deadline' | 'attempts'> = {},
): TargetType {
  return namedTarget(ssmKind, places, listed, patience);
}
