/**
 * `config/inbox`: the table in which requests of enrolment wait, and the most that one may ask for. Whoever sets it says who comes in
 * and with which policies, so that it takes `sudo`, as handing in a device's secret does.
 */
import { type AwsPlaces, requireListed } from '../../aws/aws-places.ts';
import { type Endpoint, endpoint, type Fields, type FieldValues } from '../../core/endpoint.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import { type InboxAddress, inboxAddress } from '../../inbox/inbox-address.ts';
import { noTokenSettings, readTokenSettings } from '../token-fields.ts';
import { parseRoles } from './accounts.ts';

const inboxConfigPath = 'inbox-config';

const placeNames = [
  'region',
  'kms_region',
  'endpoint',
  'kms_endpoint',
  'profile',
  'role_arn',
  'external_id',
] as const;
type PlaceName = (typeof placeNames)[number];

export interface InboxConfig {
  readonly table: string;
  readonly key: string;
  readonly place: Readonly<Partial<Record<PlaceName, string>>>;
  /** Roles that a request may ask for; empty for none. */
  readonly allowedRoles: readonly string[];
  /** Policies of the accounts that come this way. */
  readonly policies: readonly string[];
}

const fields = {
  table: { type: 'string', help: 'The table of DynamoDB in which requests wait.' },
  key: { type: 'string', help: 'The KMS key that their secrets are wrapped by: alias, ARN or id.' },
  region: { type: 'string', help: 'The table’s region; as the server’s environment has it unless said.' },
  kms_region: { type: 'string', help: 'Where the key is, if not where the table is.' },
  endpoint: {
    type: 'string',
    help: 'Another address of DynamoDB, of those that the server’s settings list.',
  },
  kms_endpoint: { type: 'string', help: 'Another address of KMS, of those that the server’s settings list.' },
  profile: { type: 'string', help: 'A profile of the server’s AWS files, of those that its settings list.' },
  role_arn: { type: 'string', help: 'A role to assume.' },
  external_id: { type: 'string', help: 'What the role’s trust policy wants to hear besides.' },
  allowed_roles: {
    type: 'list',
    help: 'Roles that a request may ask for, exact; a request that asks for another is refused. None unless listed.',
  },
  token_policies: { type: 'list', help: 'Policies of the accounts that come this way; none unless listed.' },
} as const satisfies Fields;

export function inboxConfigEndpoint(places: AwsPlaces): Endpoint {
  return endpoint({
    pattern: 'config/inbox',
    help: 'Says where requests of enrolment wait that were made with no server in reach, and what they may ask for.',
    fields,
    operations: {
      read: {
        summary: 'Show the inbox’s configuration',
        response: {
          table: { type: 'string' },
          key: { type: 'string' },
          region: { type: 'string' },
          kms_region: { type: 'string' },
          endpoint: { type: 'string' },
          kms_endpoint: { type: 'string' },
          profile: { type: 'string' },
          role_arn: { type: 'string' },
          external_id: { type: 'string' },
          allowed_roles: { type: 'list' },
          token_policies: { type: 'list' },
        },
        handle: async ({ view }) => {
          const config = await readInboxConfig(view);
          return config === undefined ? undefined : { data: shown(config) };
        },
      },
      update: {
        summary: 'Set the inbox’s configuration as a whole',
        sudo: true,
        handle: async ({ view, fields: sent }) => {
          const config = parseConfig(sent);
          addressOf(config, places);
          await view.commit([{ path: inboxConfigPath, value: encodeStored(config) }]);
          return undefined;
        },
      },
      delete: {
        summary: 'Let go of the inbox; what waits there goes on waiting',
        handle: async ({ view }) => {
          await view.commit([{ path: inboxConfigPath, value: null }]);
          return undefined;
        },
      },
    },
  });
}

export async function readInboxConfig(view: View): Promise<InboxConfig | undefined> {
  const sealed = await view.read(inboxConfigPath);
  return sealed === undefined ? undefined : decodeStored<InboxConfig>(sealed.open());
}

/**
 * Where it is. Asked when a config is written and each time it is used: the server's settings may have become narrower since.
 *
 * @throws `invalid_request` for what cannot be one, and for a place that the server's settings do not list
 */
export function addressOf({ table, key, place }: InboxConfig, places: AwsPlaces): InboxAddress {
  const { region, endpoint, profile, role_arn: roleArn, external_id: externalId } = place;
  const address = inboxAddress(
    table,
    key,
    { region, endpoint, profile, roleArn, externalId },
    { region: place.kms_region, endpoint: place.kms_endpoint },
  );
  requireListed('endpoint and kms_endpoint', [endpoint, place.kms_endpoint], places);
  if (profile === undefined || places.profiles.includes(profile)) return address;
  throw new CofferError(
    'invalid_request',
    'profile is among those that the server’s own configuration lists (aws.profiles), or absent',
  );
}

/** Reads what was sent as a whole: what is absent or empty is as usual. Throws `invalid_request`. */
function parseConfig(sent: FieldValues<typeof fields>): InboxConfig {
  const { table = '', key = '' } = sent;
  if (table === '') throw new CofferError('invalid_request', 'table is missing: a table of DynamoDB');
  if (key === '') throw new CofferError('invalid_request', 'key is missing: a key of KMS, as in alias/NAME');
  const place: Partial<Record<PlaceName, string>> = {};
  for (const name of placeNames) {
    const text = sent[name];
    if (text !== undefined && text !== '') place[name] = text;
  }
  const { policies } = readTokenSettings({ token_policies: sent.token_policies ?? [] }, noTokenSettings);
  return { table, key, place, allowedRoles: parseRoles(sent.allowed_roles ?? []), policies };
}

function shown({ table, key, place, allowedRoles, policies }: InboxConfig) {
  const named = Object.fromEntries(placeNames.map((name) => [name, place[name] ?? '']));
  return { ...named, table, key, allowed_roles: [...allowedRoles], token_policies: [...policies] };
}
