/** `aws-iam`: users of IAM below one path, whose access keys are the passwords of applications. IAM lets a user have two of them. */
import type { AwsPlaces } from '../../aws/aws-places.ts';
import { type IamClient, iamClient } from '../../aws/iam-service-users.ts';
import type { ProviderType } from '../provider.ts';
import { AwsIam } from './iam.ts';
import { awsIamType, parseSettings } from './settings.ts';

/** @param places where the server may go at AWS */
export function awsIam(
  places: AwsPlaces,
  connect: (options: Parameters<typeof iamClient>[0]) => IamClient = iamClient,
): ProviderType {
  return {
    type: awsIamType,
    summary: 'users of AWS IAM, whose access keys are rotated',
    secret: 'the secret access key that goes with access_key',
    open(settings, { clock }) {
      const parsed = parseSettings(settings, places);
      return new AwsIam(parsed, connect(parsed.iam), clock);
    },
  };
}
