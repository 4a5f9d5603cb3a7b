/** What is used of SNS's client, by name: the build leaves out the rest. Loaded with `import()` by the first call. */
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';

export const snsSdk = { PublishCommand, SNSClient } as const;
