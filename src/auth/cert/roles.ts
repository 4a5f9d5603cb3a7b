/** The endpoints of roles: which certificates may log in, and what tokens made with them may do. */
import { type Call, type Endpoint, endpoint, type Fields, type FieldValues } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { randomUuid } from '../../crypto/random.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import {
  noTokenSettings,
  readTokenSettings,
  shownTokenSettings,
  tokenFields,
  tokenSettingsSchema,
  usedOldNames,
  withOldNames,
} from '../token-fields.ts';
import { checkBundle } from './certificates.ts';
import {
  constraintFields,
  constraintSchema,
  noConstraints,
  readConstraints,
  shownConstraints,
} from './constraints.ts';
import {
  indexPaths,
  parseName,
  type ReadRole,
  type RoleRecord,
  readRole,
  roleFolder,
  rolePath,
  roleWrites,
} from './role.ts';

const settingsFields = {
  ...tokenFields,
  token_ttl: { ...tokenFields.token_ttl, aliases: ['ttl', 'lease'] },
  token_max_ttl: { ...tokenFields.token_max_ttl, aliases: ['max_ttl'] },
  token_bound_cidrs: { ...tokenFields.token_bound_cidrs, aliases: ['bound_cidrs'] },
} as const satisfies Fields;

/** What Vault asks of an authority's own service while a client logs in: nothing here calls out. */
const ocspFields = {
  ocsp_enabled: { type: 'bool', help: 'Refused unless false: OCSP is not asked here.' },
  ocsp_ca_certificates: { type: 'string', help: 'Refused unless empty.' },
  ocsp_servers_override: { type: 'list', help: 'Refused unless empty.' },
  ocsp_fail_open: { type: 'bool', help: 'Refused unless false.' },
  ocsp_query_all_servers: { type: 'bool', help: 'Refused unless false.' },
} as const satisfies Fields;

const roleFields = {
  certificate: {
    type: 'string',
    help: 'PEM: certificates of authorities whose clients may log in, or the certificate of one client.',
  },
  display_name: { type: 'string', help: 'Shown as the token’s display name; the role’s name when empty.' },
  ...constraintFields,
  ...settingsFields,
  ...ocspFields,
} as const satisfies Fields;

export function roleEndpoints(environment: EngineEnvironment): readonly Endpoint[] {
  return [listEndpoint(), roleEndpoint(environment)];
}

function listEndpoint(): Endpoint {
  return endpoint({
    pattern: 'certs',
    help: 'Lists roles.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List roles',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => call.view.children(roleFolder, page), call.fields),
      },
    },
  });
}

function roleEndpoint(environment: EngineEnvironment): Endpoint {
  return endpoint({
    pattern: 'certs/:name',
    help: 'Shows, writes or deletes a role: which certificates may log in, and what their tokens may do.',
    foldsNames: true,
    fields: roleFields,
    exists: async (call) => (await roleOf(call)) !== undefined,
    operations: {
      read: {
        summary: 'Show a role',
        response: {
          certificate: { type: 'string' },
          display_name: { type: 'string' },
          ...constraintSchema,
          ...tokenSettingsSchema,
          '*': { type: 'any', optional: true, help: 'The same under older names, where these were used.' },
        },
        handle: async (call) => {
          const read = await roleOf(call);
          return read === undefined ? undefined : { data: shown(read.role) };
        },
      },
      update: {
        summary: 'Write a role',
        handle: async (call) => {
          await writeRole(environment, call, call.fields);
          return undefined;
        },
      },
      delete: {
        summary: 'Delete a role',
        handle: async (call) => {
          await deleteRole(call);
          return undefined;
        },
      },
    },
  });
}

function roleOf(call: Call): Promise<ReadRole | undefined> {
  return readRole(call.view, parseName(call.params['name']));
}

type Sent = FieldValues<typeof roleFields>;

async function writeRole(environment: EngineEnvironment, call: Call, sent: Sent): Promise<void> {
  const name = parseName(call.params['name']);
  refuseOcsp(sent);
  // Typed clients send what they leave alone as an empty text.
  const pem = sent.certificate === '' ? undefined : sent.certificate;
  const bundle = pem === undefined ? undefined : await checkBundle(pem, environment.clock.now());
  await retryOnConflict(async () => {
    const before = await readRole(call.view, name);
    const role = before?.role ?? newRole(environment, name);
    if (role.certificate === '' && pem === undefined) {
      throw new CofferError('invalid_request', 'missing field "certificate"');
    }
    const after: RoleRecord = {
      ...role,
      certificate: pem ?? role.certificate,
      indexed: bundle === undefined ? role.indexed : indexPaths(name, bundle),
      constraints: readConstraints(sent, { ...noConstraints, ...role.constraints }),
      displayName: checkDisplayName(sent.display_name ?? role.displayName),
      token: readTokenSettings(sent, role.token),
      oldNames: usedOldNames(settingsFields, call.data, role.oldNames),
    };
    const expected = [{ path: rolePath(name), revision: before?.revision ?? null }];
    await call.view.commit(roleWrites(before?.role ?? null, after), expected);
  });
}

function newRole(environment: EngineEnvironment, name: string): RoleRecord {
  return {
    name,
    id: randomUuid(environment.random),
    certificate: '',
    indexed: [],
    constraints: noConstraints,
    displayName: '',
    token: noTokenSettings,
    oldNames: [],
  };
}

function refuseOcsp(sent: Sent): void {
  for (const name of Object.keys(ocspFields) as readonly (keyof typeof ocspFields)[]) {
    const value = sent[name];
    if (value === undefined || value === false || (value !== true && value.length === 0)) continue;
    throw new CofferError(
      'invalid_request',
      `${name} is not supported: OCSP is not asked here; upload revocation lists at crls/<name>`,
    );
  }
}

function checkDisplayName(text: string): string {
  if (text.length <= 256 && text.isWellFormed() && !/\p{Cc}/u.test(text)) return text;
  throw new CofferError(
    'invalid_request',
    'display_name has at most 256 characters, none of them a control character',
  );
}

async function deleteRole(call: Call): Promise<void> {
  await retryOnConflict(async () => {
    const read = await roleOf(call);
    if (read === undefined) return;
    const expected = [{ path: rolePath(read.role.name), revision: read.revision }];
    await call.view.commit(roleWrites(read.role, null), expected);
  });
}

function shown(role: RoleRecord): JsonObject {
  return withOldNames(
    settingsFields,
    {
      certificate: role.certificate,
      display_name: role.displayName === '' ? role.name : role.displayName,
      ...shownConstraints(role.constraints),
      ...shownTokenSettings(role.token),
    },
    role.oldNames,
  );
}
