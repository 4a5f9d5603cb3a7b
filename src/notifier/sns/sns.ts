/**
 * `sns`: a message to a topic of AWS, from where it goes to mailboxes, queues and functions. The text is stsftw's where a role was
 * handed out, so that whoever is subscribed notices no change.
 */
import type { AwsOptions } from '../../aws/aws-options.ts';
import { type AwsPlaces, requireTopic } from '../../aws/aws-places.ts';
import { parseTopicArn, topicClient } from '../../aws/sns.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import { letterText } from '../letter-text.ts';
import {
  type Letter,
  letterJson,
  type NotifierSettings,
  type NotifierType,
  refuseOthers,
} from '../notifier.ts';

/** Milliseconds for a message with its retries. */
const deadline = 10_000;
/** SNS API, Publish: characters of a subject, bytes of a message. */
const longestSubject = 100;
const longestMessage = 256 * 1024;

/** @param places where the server may go at AWS, and the process's environment */
export function sns(places: AwsPlaces): NotifierType {
  return {
    type: 'sns',
    summary: 'Publishes notices to a topic of Amazon SNS',
    secret:
      'the secret access key that goes with access_key_id; none where the server’s own identity is used',
    open(settings) {
      refuseOthers(settings.options, ['topic_arn', 'format', 'access_key_id', 'role_arn', 'external_id']);
      const { topic_arn: topic = '', format = 'text' } = settings.options;
      const client = topicClient(awsOptions(topic, settings, places));
      if (format !== 'text' && format !== 'json') {
        throw new CofferError('invalid_request', 'format is text or json');
      }
      return {
        async deliver(letter, signal) {
          // The settings may have become narrower since this was written.
          checkTopic(topic, settings, places);
          try {
            await client.publish({
              topic,
              ...contentOf(letter, format),
              attributes: { kind: letter.kind },
              signal,
            });
          } catch (error) {
            const { message } = asCofferError(error);
            throw new CofferError('unavailable', message, { cause: error });
          }
        },
        close: () => client.close(),
      };
    },
  };
}

function awsOptions(topic: string, settings: NotifierSettings, places: AwsPlaces): AwsOptions {
  const region = checkTopic(topic, settings, places);
  const { role_arn: roleArn, external_id: externalId } = settings.options;
  return {
    region,
    env: environmentOf(settings, places),
    deadline,
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(externalId === undefined ? {} : { externalId }),
  };
}

/** Answers the topic's region. Throws `invalid_request`. */
function checkTopic(topic: string, { options, secret }: NotifierSettings, places: AwsPlaces): string {
  const parsed = parseTopicArn(topic);
  if (parsed === undefined) {
    throw new CofferError(
      'invalid_request',
      'topic_arn is the ARN of a standard topic: arn:aws:sns:eu-central-1:123456789012:NAME',
    );
  }
  const { access_key_id: keyId = '' } = options;
  if ((keyId === '') !== (secret === '')) {
    throw new CofferError('invalid_request', 'access_key_id and secret go together, or are both absent');
  }
  if (keyId === '') requireTopic(topic, places);
  else if (!/^[A-Z0-9]{16,128}$/.test(keyId)) {
    throw new CofferError('invalid_request', 'access_key_id is 16 or more capital letters and digits');
  }
  return parsed.region;
}

/** Keys of the notifier's own stand where the server's would: nothing of the server's identity goes with them. */
function environmentOf({ options, secret }: NotifierSettings, { env }: AwsPlaces): AwsPlaces['env'] {
  const { access_key_id: keyId = '' } = options;
  if (keyId === '') return env;
  const { AWS_SESSION_TOKEN: _, AWS_PROFILE: __, ...rest } = env;
  return { ...rest, AWS_ACCESS_KEY_ID: keyId, AWS_SECRET_ACCESS_KEY: secret };
}

function contentOf(letter: Letter, format: 'text' | 'json') {
  const text = letterText(letter);
  const subject = asciiSubject(text.subject);
  // JSON that is cut is none; letters are far below the limit.
  return {
    subject,
    message: format === 'json' ? letterJson(letter) : withinBytes(text.body, longestMessage),
  };
}

/** SNS refuses subjects of other characters, or that begin with a blank. */
function asciiSubject(text: string): string {
  const plain = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\x20-\x7e]/gu, '?')
    .trim();
  return plain === '' ? 'Notice' : plain.slice(0, longestSubject).trimEnd();
}

/** Cut between characters. */
function withinBytes(text: string, most: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  return bytes
    .subarray(0, most)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
}
