/** `config/root`: as whom, and where, a mount asks AWS. */
import { type Endpoint, endpoint, type Fields, type FieldValues } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Clients } from './clients.ts';
import { encodeRoot, type RootConfig, readRoot, rootPath } from './root-config.ts';
import { checkUsernameTemplate } from './username.ts';

const fields = {
  access_key: {
    type: 'string',
    help: 'Access key; without it the server’s own identity asks, where its settings allow that.',
  },
  secret_key: { type: 'string', help: 'Its secret; never shown.', sensitive: true },
  role_arn: { type: 'string', help: 'A role to assume with them.' },
  external_id: { type: 'string', help: 'What that role’s trust policy wants to hear.' },
  region: { type: 'string', help: 'Region to ask from; as the server’s environment has it, or us-east-1.' },
  sts_region: { type: 'string', help: 'Region whose STS is asked, if another.' },
  iam_endpoint: { type: 'string', help: 'Another address of IAM, of those that the server’s settings list.' },
  sts_endpoint: { type: 'string', help: 'Another address of STS, of those that the server’s settings list.' },
  max_retries: { type: 'int', help: 'Retries of a call; -1 is the usual number.' },
  username_template: { type: 'string', help: 'How users and sessions are called.' },
  identity_token_audience: {
    type: 'string',
    help: 'Accepted empty only: the server signs no tokens for AWS.',
  },
  identity_token_ttl: { type: 'duration', help: 'Without effect.' },
  rotation_period: { type: 'duration', help: 'Accepted as 0 only: ask config/rotate-root when it is time.' },
  rotation_schedule: { type: 'string', help: 'Accepted empty only.' },
  rotation_window: { type: 'duration', help: 'Accepted as 0 only.' },
  disable_automated_rotation: { type: 'bool', help: 'Without effect: nothing rotates by itself.' },
} as const satisfies Fields;

type Sent = FieldValues<typeof fields>;

export function rootEndpoint(clients: Clients): Endpoint {
  return endpoint({
    pattern: rootPath,
    help: 'As whom, and where, AWS is asked for credentials.',
    fields,
    exists: async (call) => (await readRoot(call.view)).revision !== null,
    operations: {
      read: {
        summary: 'Show how AWS is asked',
        response: {
          access_key: { type: 'string' },
          role_arn: { type: 'string' },
          external_id: { type: 'string' },
          region: { type: 'string' },
          sts_region: { type: 'string' },
          iam_endpoint: { type: 'string' },
          sts_endpoint: { type: 'string' },
          max_retries: { type: 'int' },
          username_template: { type: 'string' },
          identity_token_audience: { type: 'string' },
          identity_token_ttl: { type: 'duration' },
        },
        handle: async ({ view }) => {
          const { root, revision } = await readRoot(view);
          return revision === null ? undefined : { data: shown(root) };
        },
      },
      update: {
        summary: 'Set how AWS is asked',
        handle: async (call) => {
          refuseUnknownWays(call.fields);
          await retryOnConflict(async () => {
            const { root: before, revision } = await readRoot(call.view);
            const root = merged(before, call.fields);
            check(root);
            clients.check(root);
            await call.view.commit(
              [{ path: rootPath, value: encodeRoot(root) }],
              [{ path: rootPath, revision }],
            );
          });
          return undefined;
        },
      },
      delete: {
        summary: 'Let go of the keys; what they made can be ended no more',
        handle: async ({ view }) => {
          await view.commit([{ path: rootPath, value: null }]);
          return undefined;
        },
      },
    },
  });
}

function shown(root: RootConfig): JsonObject {
  return {
    access_key: root.accessKey,
    role_arn: root.roleArn,
    external_id: root.externalId,
    region: root.region,
    sts_region: root.stsRegion,
    iam_endpoint: root.iamEndpoint,
    sts_endpoint: root.stsEndpoint,
    max_retries: root.maxRetries,
    username_template: root.usernameTemplate,
    identity_token_audience: '',
    identity_token_ttl: 0,
  };
}

/** What was not sent stays as it is. */
function merged(before: RootConfig, sent: Sent): RootConfig {
  const { pending, former, ...kept } = before;
  // Keys of somebody's hand take the place of those that a rotation left open.
  const rotation =
    sent.access_key !== undefined || sent.secret_key !== undefined
      ? {}
      : { ...(pending === undefined ? {} : { pending }), ...(former === undefined ? {} : { former }) };
  return {
    ...kept,
    ...rotation,
    accessKey: sent.access_key ?? before.accessKey,
    secretKey: sent.secret_key ?? before.secretKey,
    roleArn: sent.role_arn ?? before.roleArn,
    externalId: sent.external_id ?? before.externalId,
    region: sent.region ?? before.region,
    stsRegion: sent.sts_region ?? before.stsRegion,
    iamEndpoint: addressOf(sent.iam_endpoint) ?? before.iamEndpoint,
    stsEndpoint: addressOf(sent.sts_endpoint) ?? before.stsEndpoint,
    maxRetries: sent.max_retries ?? before.maxRetries,
    usernameTemplate: sent.username_template ?? before.usernameTemplate,
  };
}

/** Vault's clients may give a host alone. */
function addressOf(text: string | undefined): string | undefined {
  return text === undefined || text === '' || /^https?:/i.test(text) ? text : `https://${text}`;
}

function refuseUnknownWays(sent: Sent): void {
  const { identity_token_audience, rotation_period, rotation_schedule, rotation_window } = sent;
  if (identity_token_audience) {
    throw refused('identity_token_audience is not known here: give access_key and secret_key, or role_arn');
  }
  if (rotation_period || rotation_schedule || rotation_window) {
    throw refused(
      'rotation_period, rotation_schedule and rotation_window are not known here: ask config/rotate-root',
    );
  }
}

function check(root: RootConfig): void {
  if ((root.accessKey === '') !== (root.secretKey === ''))
    throw refused('access_key and secret_key go together');
  if (!/^\w{0,128}$/.test(root.accessKey)) throw refused('access_key has at most 128 letters and digits');
  if (!/^[\x21-\x7e]{0,256}$/.test(root.secretKey))
    throw refused('secret_key has at most 256 printable characters');
  if (root.roleArn !== '' && !/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/.test(root.roleArn)) {
    throw refused('role_arn is the ARN of a role');
  }
  if (root.externalId !== '' && (root.roleArn === '' || !/^[\w+=,.@:/-]{2,1224}$/.test(root.externalId))) {
    throw refused('external_id goes with role_arn, and has 2 to 1224 letters, digits and _+=,.@:/-');
  }
  for (const [name, region] of [
    ['region', root.region],
    ['sts_region', root.stsRegion],
  ] as const) {
    if (region !== '' && !/^[a-z]{2,}(-[a-z]+)+-\d{1,2}$/.test(region)) {
      throw refused(`${name} is a region such as eu-central-1`);
    }
  }
  if (root.maxRetries < -1 || root.maxRetries > 10) throw refused('max_retries is -1 to 10');
  if (root.usernameTemplate !== '') checkUsernameTemplate(root.usernameTemplate);
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
