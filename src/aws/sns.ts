/** SNS, as far as Coffer uses it: a message to a topic. */
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';

export interface TopicMessage {
  /** Of the topic; the client is one of its region. */
  readonly topic: string;
  /** ASCII without control characters, 1 to 100 characters (SNS API, Publish). */
  readonly subject: string;
  /** At most 256 KiB. */
  readonly message: string;
  /** For filters of subscriptions. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface TopicClient {
  /** Resolves once SNS has taken the message. Rejects with `AwsError`. */
  publish(message: TopicMessage): Promise<void>;
  close(): void;
}

/** Parts of a topic's ARN, or undefined for what is none: `arn:PARTITION:sns:REGION:ACCOUNT:NAME`. */
export function parseTopicArn(arn: string): { readonly region: string; readonly name: string } | undefined {
  const [, region, name] =
    /^arn:aws[a-z-]*:sns:([a-z]{2}[a-z0-9-]{1,40}):\d{12}:([\w-]{1,256})$/.exec(arn) ?? [];
  return region === undefined || name === undefined ? undefined : { region, name };
}

/** Connects to nothing and loads nothing before the first call. */
export function topicClient(options: AwsOptions): TopicClient {
  const sns = new LazyClient(
    options,
    { service: 'SNS', env: 'SNS' },
    async () => (await import('./sns-sdk.ts')).snsSdk,
    (sdk, config) => new sdk.SNSClient(config),
  );
  return {
    publish: ({ topic, subject, message, attributes, signal }) =>
      sns.call({ action: 'sns:Publish', resource: topic }, async ({ sdk, client }, deadline) => {
        const input = {
          TopicArn: topic,
          Subject: subject,
          Message: message,
          MessageAttributes: Object.fromEntries(
            Object.entries(attributes).map(([name, StringValue]) => [
              name,
              { DataType: 'String', StringValue },
            ]),
          ),
        };
        const abortSignal = AbortSignal.any([deadline, signal]);
        await client.send(new sdk.PublishCommand(input), { abortSignal });
      }),
    close: () => sns.close(),
  };
}
