/** `apps/:id/readers`: who fetches an application's credentials, and which version they hold. */
import { type Call, type Endpoint, endpoint, type FieldValues } from '../../core/endpoint.ts';
import { checkAfter, pageFields } from '../../core/list-page.ts';
import { retryOnConflict } from '../../core/retry.ts';
import type { DueEntry, View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import { emptyObject, type JsonObject } from '../../json.ts';
import { applicationPath, lookEntry } from './application.ts';
import { unknownApplication } from './applications.ts';
import { readSettings } from './config-endpoint.ts';
import { decodeSettings, type MountSettings, settingsPath } from './mount-config.ts';
import type { ServiceUsersParts } from './parts.ts';
import { decodeReader, encodeReader, type Reader, readerFolder } from './reader.ts';
import { knownReaders, mostReaders, readerMemory } from './readers.ts';
import { idOf } from './registration-endpoints.ts';
import { behindOn, isSeen, wantedVersions } from './standing.ts';
import { decodeState, noState, statePath } from './state.ts';

const fields = {
  user_version: { type: 'string', help: 'Version of the user document that it holds.' },
  client_version: { type: 'string', help: 'The same of the client document.' },
} as const;

type ReportCall = Call & { readonly fields: FieldValues<typeof fields> };

export function readerEndpoints(parts: ServiceUsersParts): readonly Endpoint[] {
  return [reportEndpoint(parts), listEndpoint()];
}

function reportEndpoint({ environment }: ServiceUsersParts): Endpoint {
  return endpoint({
    pattern: 'apps/:id/readers/:reader',
    help: 'Says which version of an application’s credentials a reader holds: old ones stay good for a while for readers that are behind. What is not said stays as it was said before.',
    fields,
    operations: {
      update: {
        summary: 'Say which version is held',
        handle: (call) => report(call, environment.digest),
      },
    },
  });
}

const versionText = /^[A-Za-z0-9_-]{16}$/;

async function report(call: ReportCall, digest: (text: string) => string): Promise<undefined> {
  const id = idOf(call);
  const name = parseReaderName(call.params['reader']);
  const { view, clock } = call;
  const { user_version: user, client_version: client } = call.fields;
  if (![user, client].every((version) => version === undefined || versionText.test(version))) {
    throw new CofferError('invalid_request', 'a version is 16 characters of base64url, as status shows it');
  }
  const key = digest(`reader\0${id}\0${name}`);
  const path = readerFolder(id) + key;
  await retryOnConflict(async () => {
    const now = clock.now();
    const [application, record, config] = await view.readMany([applicationPath(id), path, settingsPath]);
    if (application === undefined) throw unknownApplication(id);
    const before = record === undefined ? undefined : decodeReader(record.open());
    const holds = {
      ...before?.holds,
      ...(user === undefined ? {} : { user }),
      ...(client === undefined ? {} : { client }),
    };
    const settings = decodeSettings(config?.open());
    const same = before !== undefined && JSON.stringify(before.holds) === JSON.stringify(holds);
    // Somebody who says the same again and again need not be written down each time.
    if (same && now - before.seenAt < (settings.readerWindow * 1_000) / 4) return;
    if (before === undefined) await checkRoom(view, id);
    const due: readonly DueEntry[] = [
      ...(same ? [] : [lookEntry(id, now)]),
      ...(before === undefined ? [forgetEntry(id, key, now + readerMemory)] : []),
    ];
    await view.commit(
      [{ path, value: encodeReader({ name, holds, seenAt: now }) }],
      [
        { path, revision: record?.revision ?? null },
        // One whose application goes meanwhile goes with it.
        { path: applicationPath(id), revision: application.revision },
      ],
      due,
    );
  });
  return undefined;
}

function parseReaderName(text = ''): string {
  const fits = text.length >= 1 && text.length <= 200 && text.trim() === text && text.isWellFormed();
  if (fits && /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]+$/u.test(text)) return text;
  throw new CofferError(
    'invalid_request',
    'a reader’s name is 1 to 200 printable characters, without space at its ends',
  );
}

async function checkRoom(view: View, id: string): Promise<void> {
  const { items } = await view.children(readerFolder(id), { limit: mostReaders });
  if (items.length < mostReaders) return;
  throw new CofferError(
    'rate_limited',
    `application ${id} has ${mostReaders} readers: those that are not heard of for two days make room`,
  );
}

const forgetPrefix = 'reader/';

function forgetEntry(id: string, key: string, at: number): DueEntry {
  return { at, name: `${forgetPrefix}${id}/${key}` };
}

/** Forgets a reader that was not heard of for long; undefined where the entry is of something else. */
export async function forgetReader(name: string, view: View, now: number): Promise<void> {
  if (!name.startsWith(forgetPrefix)) return;
  const [id = '', key = ''] = name.slice(forgetPrefix.length).split('/');
  const path = readerFolder(id) + key;
  await retryOnConflict(async () => {
    const record = await view.read(path);
    if (record === undefined) return;
    const expectations = [{ path, revision: record.revision }];
    const end = decodeReader(record.open()).seenAt + readerMemory;
    if (end <= now) await view.commit([{ path, value: null }], expectations);
    else await view.commit([], expectations, [forgetEntry(id, key, end)]);
  });
}

const infoSchema = {
  user_version: { type: 'string', nullable: true },
  client_version: { type: 'string', nullable: true },
  last_seen: { type: 'string', help: 'RFC 3339; to about a quarter of reader_window.' },
  seen: { type: 'bool', help: 'Within reader_window: it counts.' },
  behind: { type: 'list', help: 'Documents of which it holds another version: user, client.' },
} as const;

function listEndpoint(): Endpoint {
  return endpoint({
    pattern: 'apps/:id/readers',
    help: 'Who fetches an application’s credentials.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List readers, and what they hold',
        response: {
          keys: { type: 'list' },
          key_info: { type: 'object', members: { '*': { type: 'object', members: infoSchema } } },
        },
        handle: async (call) => {
          const id = idOf(call);
          const { view, clock } = call;
          const { after = '', limit = 0 } = call.fields;
          checkAfter(after);
          const [application, record] = await view.readMany([applicationPath(id), statePath(id)]);
          if (application === undefined) throw unknownApplication(id);
          const state = record === undefined ? noState : decodeState(record.open());
          const { settings } = await readSettings(view);
          const readers = (await knownReaders(view, id))
            .filter(({ name }) => name > after)
            .sort((a, b) => (a.name < b.name ? -1 : 1))
            .slice(0, limit > 0 ? limit : mostReaders);
          const info = emptyObject();
          for (const reader of readers) {
            info[reader.name] = shown(reader, wantedVersions(state), settings, clock.now());
          }
          return { data: { keys: readers.map(({ name }) => name), key_info: info } };
        },
      },
    },
  });
}

function shown(
  reader: Reader,
  current: ReturnType<typeof wantedVersions>,
  settings: MountSettings,
  now: number,
): JsonObject {
  return {
    user_version: reader.holds.user ?? null,
    client_version: reader.holds.client ?? null,
    last_seen: new Date(reader.seenAt).toISOString(),
    seen: isSeen(reader, settings, now),
    behind: behindOn(reader, current),
  };
}
