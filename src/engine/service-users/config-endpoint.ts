/** `config`: what holds for all applications of the mount, and where they are registered. */
import { type Call, type Endpoint, endpoint, type FieldValues } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import type { DueEntry, View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { parseOutgoingUrl } from '../../outgoing/https.ts';
import type { Revision } from '../../storage/storage.ts';
import { checkPeriods } from './application-fields.ts';
import { decodeSettings, encodeSettings, type MountSettings, settingsPath } from './mount-config.ts';
import type { ServiceUsersParts } from './parts.ts';
import { expectProvider } from './providers.ts';
import { askRegistryNow } from './registry/registry-state.ts';
import { sweepEntry } from './sweep.ts';

const fields = {
  username_prefix: {
    type: 'string',
    help: 'Stands before an application’s id in the name of its user (stups_); empty, or ends with _ or a dot. Users that there are keep theirs.',
  },
  password_period: { type: 'duration', help: 'How long a password is used before it is rotated (2h).' },
  client_period: { type: 'duration', help: 'The same for an OAuth client (720h).' },
  overlap: { type: 'duration', help: 'How long old credentials stay good beside new ones, at least (15m).' },
  reader_patience: {
    type: 'duration',
    help: 'How long beyond that old ones stay for readers that are behind (1h).',
  },
  reader_window: { type: 'duration', help: 'Readers that were seen within this time count (30m).' },
  deletion_grace: { type: 'duration', help: 'How long a disabled user stays before it is deleted (24h).' },
  target_concurrency: { type: 'int', help: 'Calls side by side to one place of targets, 1 to 256 (32).' },
  default_provider: { type: 'string', help: 'Provider of applications that name none (builtin).' },
  issuer: {
    type: 'string',
    help: 'URL that access tokens of the provider builtin name as their issuer; the server’s own address unless told.',
  },
  paused: { type: 'bool', help: 'Nothing of the mount is rotated.' },
  registry: {
    type: 'string',
    help: 'Where applications are registered: own, which is here, or kio, a registry that speaks Kio’s API.',
  },
  registry_url: { type: 'string', help: 'Where that registry is: /apps is asked below it.' },
  registry_token: {
    type: 'string',
    help: 'Bearer token for it. Never shown; has to be given again where registry_url changes.',
    sensitive: true,
  },
  registry_interval: { type: 'duration', help: 'How often it is asked, 1s to 24h (10s).' },
  shrink_limit: {
    type: 'float',
    help: 'From 0 to 1: where a registry loses more of its active applications than this within deletion_grace, a person is asked (0.1).',
  },
} as const;

type ConfigCall = Call & { readonly fields: FieldValues<typeof fields> };

export function configEndpoint(parts: ServiceUsersParts): Endpoint {
  return endpoint({
    pattern: 'config',
    help: 'Shows and sets what holds for all applications of the mount.',
    fields,
    operations: {
      read: {
        summary: 'Show what holds for all applications',
        response: {
          username_prefix: { type: 'string' },
          password_period: { type: 'duration' },
          client_period: { type: 'duration' },
          overlap: { type: 'duration' },
          reader_patience: { type: 'duration' },
          reader_window: { type: 'duration' },
          deletion_grace: { type: 'duration' },
          target_concurrency: { type: 'int' },
          default_provider: { type: 'string' },
          issuer: { type: 'string' },
          paused: { type: 'bool' },
          registry: { type: 'string' },
          registry_url: { type: 'string' },
          has_registry_token: { type: 'bool', help: 'Whether there is a token for the registry.' },
          registry_interval: { type: 'duration' },
          shrink_limit: { type: 'float' },
        },
        handle: async ({ view }) => ({ data: shown((await readSettings(view)).settings) }),
      },
      update: { summary: 'Set what holds for all applications', handle: (call) => set(parts, call) },
    },
  });
}

export interface FoundSettings {
  readonly settings: MountSettings;
  readonly revision: Revision | null;
}

export async function readSettings(view: View): Promise<FoundSettings> {
  const record = await view.read(settingsPath);
  return { settings: decodeSettings(record?.open()), revision: record?.revision ?? null };
}

function shown(settings: MountSettings): JsonObject {
  return {
    username_prefix: settings.usernamePrefix,
    password_period: settings.passwordPeriod,
    client_period: settings.clientPeriod,
    overlap: settings.overlap,
    reader_patience: settings.readerPatience,
    reader_window: settings.readerWindow,
    deletion_grace: settings.deletionGrace,
    target_concurrency: settings.targetConcurrency,
    default_provider: settings.defaultProvider,
    issuer: settings.issuer,
    paused: settings.paused,
    registry: settings.registry,
    registry_url: settings.registryUrl,
    has_registry_token: settings.registryToken !== '',
    registry_interval: settings.registryInterval,
    shrink_limit: settings.shrinkLimit,
  };
}

async function set(parts: ServiceUsersParts, call: ConfigCall): Promise<undefined> {
  const { view } = call;
  await retryOnConflict(async () => {
    const { settings: before, revision } = await readSettings(view);
    const after = changed(before, call);
    const named = call.fields.default_provider;
    const provider = named === undefined ? [] : await expectProvider(parts, view, named);
    const follows = await followsFrom(view, before, after, call.clock.now());
    await view.commit(
      [{ path: settingsPath, value: encodeSettings(after) }, ...follows.writes],
      [{ path: settingsPath, revision }, ...provider, ...follows.expectations],
      follows.due,
    );
  });
  return undefined;
}

interface Follows {
  readonly writes: readonly ViewWrite[];
  readonly expectations: readonly ViewExpectation[];
  readonly due: readonly DueEntry[];
}

/** What has to be looked at because of a change. */
async function followsFrom(
  view: View,
  before: MountSettings,
  after: MountSettings,
  now: number,
): Promise<Follows> {
  const registry =
    after.registry === 'kio'
      ? await askRegistryNow(view, now)
      : { writes: [], expectations: [], due: [] satisfies DueEntry[] };
  // What is due earlier than it was stands in the index at the time that it was.
  const earlier =
    (before.paused && !after.paused) ||
    after.passwordPeriod < before.passwordPeriod ||
    after.clientPeriod < before.clientPeriod ||
    after.overlap < before.overlap ||
    after.readerPatience < before.readerPatience ||
    after.deletionGrace < before.deletionGrace;
  return { ...registry, due: [...registry.due, ...(earlier ? [sweepEntry(now)] : [])] };
}

function wrong(message: string): CofferError {
  return new CofferError('invalid_request', message);
}

/** What was not sent stays. */
function changed(before: MountSettings, { fields: sent }: ConfigCall): MountSettings {
  const after: MountSettings = {
    usernamePrefix: sent.username_prefix ?? before.usernamePrefix,
    passwordPeriod: sent.password_period ?? before.passwordPeriod,
    clientPeriod: sent.client_period ?? before.clientPeriod,
    overlap: sent.overlap ?? before.overlap,
    readerPatience: sent.reader_patience ?? before.readerPatience,
    readerWindow: sent.reader_window ?? before.readerWindow,
    deletionGrace: sent.deletion_grace ?? before.deletionGrace,
    targetConcurrency: sent.target_concurrency ?? before.targetConcurrency,
    defaultProvider: sent.default_provider ?? before.defaultProvider,
    issuer: sent.issuer === undefined ? before.issuer : issuerOf(sent.issuer),
    paused: sent.paused ?? before.paused,
    registry: registryKind(sent.registry) ?? before.registry,
    registryUrl: sent.registry_url ?? before.registryUrl,
    registryToken: sent.registry_token ?? before.registryToken,
    registryInterval: sent.registry_interval ?? before.registryInterval,
    shrinkLimit: sent.shrink_limit ?? before.shrinkLimit,
  };
  checkNumbers(after);
  checkRegistry(before, after, sent.registry_token);
  return after;
}

/** RFC 8414 §2: no query and no fragment; http for a machine of one's own. Verifiers compare texts, so that only a URL as it is written counts. */
function issuerOf(sent: string): string {
  const url = /^https?:\/\/[!-~]{1,500}$/.test(sent) && URL.canParse(sent) ? new URL(sent) : undefined;
  const fits = url?.username === '' && url.password === '' && !/[?#]/.test(sent);
  if (sent !== '' && !fits) throw wrong('issuer is a URL without query, as https://login.example.com');
  return sent.replace(/\/+$/, '');
}

function registryKind(sent: string | undefined): MountSettings['registry'] | undefined {
  if (sent === undefined || sent === 'own' || sent === 'kio') return sent;
  throw wrong('registry is own or kio');
}

/** Ids hold neither `_` nor a dot, so that a user's name says which application it is of, whatever prefixes there were. */
const prefix = /^(?:[a-z0-9][a-z0-9._-]{0,30}[._])?$/;

function checkNumbers(after: MountSettings): void {
  if (!prefix.test(after.usernamePrefix)) {
    throw wrong(
      'username_prefix is empty, or up to 32 characters of a-z, 0-9, ., _ and -, of which the last is _ or a dot',
    );
  }
  checkPeriods({ passwordPeriod: null, clientPeriod: null, overlap: null }, after);
  if (after.targetConcurrency < 1 || after.targetConcurrency > 256) {
    throw wrong('target_concurrency is a number from 1 to 256');
  }
  if (after.registryInterval < 1 || after.registryInterval > 86_400) {
    throw wrong('registry_interval is 1s to 24h');
  }
  if (!(after.shrinkLimit >= 0 && after.shrinkLimit <= 1))
    throw wrong('shrink_limit is a number from 0 to 1');
}

function checkRegistry(before: MountSettings, after: MountSettings, sentToken: string | undefined): void {
  if (after.registryUrl !== '') {
    const url = parseOutgoingUrl(after.registryUrl, 'registry_url');
    if (url.search !== '') throw wrong('registry_url has no query: /apps is asked below it');
  }
  if (after.registry === 'kio' && after.registryUrl === '') throw wrong('registry kio needs registry_url');
  if (!/^[\x21-\x7e]{0,8192}$/.test(after.registryToken)) {
    throw wrong('registry_token is at most 8192 printable characters of ASCII without space');
  }
  // Whoever may set the address must not be able to have the token sent there.
  const moves = before.registryToken !== '' && after.registryUrl !== before.registryUrl;
  if (moves && sentToken === undefined) {
    throw wrong('where registry_url changes, registry_token has to be given again (empty for none)');
  }
}
