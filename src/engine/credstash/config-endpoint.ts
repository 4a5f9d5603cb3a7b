/** `config`: which table the mount is. */

import type { AwsPlaces } from '../../aws/aws-places.ts';
import { type Endpoint, endpoint, type ResponseSchema } from '../../core/endpoint.ts';
import { requireAllowed } from './aws-places.ts';
import { addressOf, configPath, decodeConfig, encodeConfig, parseConfig, shownConfig } from './config.ts';
import type { Tables } from './tables.ts';

const fields = {
  table: { type: 'string', help: 'The table of DynamoDB.' },
  region: { type: 'string', help: 'Its region; as the server’s environment has it unless said.' },
  key: {
    type: 'string',
    help: 'The KMS key for new data keys: alias, ARN or id; alias/credstash unless said.',
  },
  kms_region: { type: 'string', help: 'Where the key is, if not where the table is.' },
  format: { type: 'string', help: 'coffer, credstash or credsmash: write this and read nothing else.' },
  context: { type: 'pairs', help: 'The encryption context of every secret here.' },
  allowed_context: {
    type: 'list',
    help: 'Names of further pairs of the encryption context that requests may bring; none unless listed.',
  },
  endpoint: {
    type: 'string',
    help: 'Another address of DynamoDB, of those that the server’s settings list.',
  },
  kms_endpoint: { type: 'string', help: 'Another address of KMS, of those that the server’s settings list.' },
  profile: { type: 'string', help: 'A profile of the server’s AWS files, of those that its settings list.' },
  role_arn: { type: 'string', help: 'A role to assume.' },
  external_id: { type: 'string', help: 'What the role’s trust policy wants to hear besides.' },
  ttl: { type: 'duration', help: 'After which time clients may ask again, as reads tell them.' },
  verify: {
    type: 'bool',
    help: 'Read from the table first, and keep nothing where that fails; true unless said.',
  },
} as const;

const schema = {
  table: { type: 'string' },
  region: { type: 'string' },
  key: { type: 'string' },
  kms_region: { type: 'string' },
  format: { type: 'string' },
  context: { type: 'pairs' },
  allowed_context: { type: 'list' },
  endpoint: { type: 'string' },
  kms_endpoint: { type: 'string' },
  profile: { type: 'string' },
  role_arn: { type: 'string' },
  external_id: { type: 'string' },
  ttl: { type: 'duration' },
} as const satisfies ResponseSchema;

export function configEndpoint(tables: Tables, places: AwsPlaces): Endpoint {
  return endpoint({
    pattern: configPath,
    help: 'Says which table of DynamoDB and KMS this mount is.',
    fields,
    operations: {
      read: {
        summary: 'Show the configuration',
        response: schema,
        async handle({ view }) {
          const record = await view.read(configPath);
          return record === undefined ? undefined : { data: shownConfig(decodeConfig(record.open())) };
        },
      },
      update: {
        summary: 'Set the configuration as a whole',
        spendsFirst: true,
        async handle(call) {
          const config = parseConfig(call.fields);
          requireAllowed(addressOf(config), places);
          if (call.fields.verify !== false) await tables.tryOut(config, call.signal());
          await call.view.commit([{ path: configPath, value: encodeConfig(config) }]);
          return undefined;
        },
      },
      delete: {
        summary: 'Let go of the table; nothing in it changes',
        async handle({ view }) {
          await view.commit([{ path: configPath, value: null }]);
          return undefined;
        },
      },
    },
  });
}
