/** `providers/…`: where applications' users are, and as whom the server manages them there. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { gather, itemsAfter, type ListWish, pageFields } from '../../core/list-page.ts';
import { everyItem } from '../../core/pages.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import { applicationFolder, decodeApplication } from './application.ts';
import { decodeSettings, settingsPath } from './mount-config.ts';
import type { ServiceUsersParts } from './parts.ts';
import {
  encodeProvider,
  ownProvider,
  type ProviderRecord,
  parseProviderName,
  providerFolder,
  providerPath,
} from './provider-record.ts';
import { findProvider, openProvider, providerTypeOf } from './providers.ts';

const fields = {
  type: {
    type: 'string',
    help: 'The kind of provider; needed for a new one, and the same for as long as it is there.',
  },
  options: {
    type: 'pairs',
    help: 'What the kind’s page says: where it is and how it is asked. All of them, each time.',
    // Whoever puts a secret here by mistake is told so, and the audit log is not.
    sensitive: true,
  },
  secret: {
    type: 'string',
    help: 'A token, key or password of the kind; never shown. Comes along when options change.',
    sensitive: true,
  },
} as const;

type ProviderCall = Call & { readonly fields: FieldValues<typeof fields> };

/** Most names in one answer. */
const mostListed = 1_000_000;
const mostOptions = 64;
/** Characters of a name and of a value: certificates are the longest. */
const longestName = 64;
const longestValue = 32_768;

export function providerEndpoints(parts: ServiceUsersParts): readonly Endpoint[] {
  return [listing(parts), configuration(parts)];
}

function listing(parts: ServiceUsersParts): Endpoint {
  return endpoint({
    pattern: 'providers',
    help: 'Lists the providers of applications’ users.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List providers',
        response: { keys: { type: 'list' } },
        handle: async (call) => {
          const { items, ...rest } = await gather(
            names(parts, call.view, call.fields),
            call.fields,
            mostListed,
          );
          return { data: { keys: items }, ...rest };
        },
      },
    },
  });
}

/** In their order, with the one that needs no record. */
async function* names(parts: ServiceUsersParts, view: View, wish: ListWish): AsyncGenerator<string> {
  let own = parts.providers.has(ownProvider) && (wish.after ?? '') < ownProvider;
  for await (const name of itemsAfter((page) => view.children(providerFolder, page), wish)) {
    if (own && name >= ownProvider) {
      own = false;
      if (name !== ownProvider) yield ownProvider;
    }
    yield name;
  }
  if (own) yield ownProvider;
}

function configuration(parts: ServiceUsersParts): Endpoint {
  return endpoint({
    pattern: 'providers/:name',
    help: 'Configures a provider. Whoever may write here has the server manage users wherever its own configuration lets it go.',
    fields,
    exists: async (call) =>
      (await findProvider(parts, call.view, parseProviderName(call.params['name']))) !== undefined,
    operations: {
      read: {
        summary: 'Show a provider',
        response: {
          type: { type: 'string' },
          options: { type: 'pairs' },
          has_secret: { type: 'bool', help: 'Whether there is a secret; it is never shown.' },
        },
        handle: async (call) => {
          const found = await findProvider(parts, call.view, parseProviderName(call.params['name']));
          if (found === undefined) return undefined;
          const { type, options, secret } = found.record;
          return { data: { type, options, has_secret: secret !== '' } };
        },
      },
      update: { summary: 'Configure a provider', handle: (call) => configure(parts, call) },
      delete: {
        summary: 'Delete a provider that no application uses',
        handle: (call) => remove(parts, call),
      },
    },
  });
}

async function configure(parts: ServiceUsersParts, call: ProviderCall): Promise<Reply | undefined> {
  const name = parseProviderName(call.params['name']);
  const found = await findProvider(parts, call.view, name);
  const record = merged(parts, name, found?.record, call.fields);
  // Opened to have it judged; it connects to nothing.
  openProvider(parts, record.type, record).close();
  await call.view.commit(
    [{ path: providerPath(name), value: encodeProvider(record) }],
    [{ path: providerPath(name), revision: found?.revision ?? null }],
  );
  return undefined;
}

/** What was not sent stays as it is. */
function merged(
  parts: ServiceUsersParts,
  name: string,
  before: ProviderRecord | undefined,
  sent: ProviderCall['fields'],
): ProviderRecord {
  const type = sent.type ?? before?.type;
  if (type === undefined) throw new CofferError('invalid_request', 'missing field "type"');
  const kind = providerTypeOf(parts, type);
  if (before !== undefined && before.type !== type) {
    throw new CofferError(
      'invalid_request',
      `provider ${JSON.stringify(name)} is of type ${before.type}: delete it first, or take another name`,
    );
  }
  if ((name === ownProvider) !== (type === ownProvider)) {
    throw new CofferError(
      'invalid_request',
      `the name ${ownProvider} is for the one provider of type ${ownProvider}, and for no other`,
    );
  }
  const options = sent.options === undefined ? (before?.options ?? {}) : checkedOptions(sent.options);
  const secret = sent.secret ?? before?.secret ?? '';
  if (secret !== '' && kind.secret === undefined)
    throw new CofferError('invalid_request', `a provider of type ${type} takes no secret`);
  if (secret.length > longestValue || !secret.isWellFormed())
    throw new CofferError('invalid_request', `secret is text of at most ${longestValue} characters`);
  // Options say where the secret is sent: who does not know it does not choose.
  if (
    before !== undefined &&
    before.secret !== '' &&
    sent.secret === undefined &&
    !same(before.options, options)
  ) {
    throw new CofferError(
      'invalid_request',
      'options say where the secret goes: send it along to change them',
    );
  }
  return { type, options, secret, leaving: false };
}

function checkedOptions(options: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(options);
  const isPlain = entries.every(
    ([name, value]) => name.length <= longestName && value.length <= longestValue && value.isWellFormed(),
  );
  if (entries.length <= mostOptions && isPlain) return options;
  throw new CofferError(
    'invalid_request',
    `options are at most ${mostOptions}, with names of at most ${longestName} characters and texts of at most ${longestValue}`,
  );
}

function same(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(one);
  return (
    entries.length === Object.keys(other).length &&
    entries.every(([name, value]) => Object.hasOwn(other, name) && other[name] === value)
  );
}

/**
 * First the provider takes no new applications, then none must be left: one that is registered meanwhile expects its record as it was. Where this
 * is cut off in between, deleting goes on, and configuring takes it back.
 */
async function remove(parts: ServiceUsersParts, call: Call): Promise<undefined> {
  const name = parseProviderName(call.params['name']);
  const path = providerPath(name);
  const found = await findProvider(parts, call.view, name);
  if (found === undefined || found.revision === null) return undefined;
  // What remains of the one that needs no record are the usual options.
  if (name === ownProvider) {
    await call.view.commit([{ path, value: null }], [{ path, revision: found.revision }]);
    return undefined;
  }
  const write = (leaving: boolean, revision: Revision | null) =>
    call.view.commit([{ path, value: encodeProvider({ ...found.record, leaving }) }], [{ path, revision }]);
  const [leaving = null] = await write(true, found.revision);
  const user = await userOf(call.view, name);
  if (user !== undefined) {
    await write(false, leaving);
    throw new CofferError('invalid_request', `provider ${JSON.stringify(name)} is used by ${user}`);
  }
  await call.view.commit([{ path, value: null }], [{ path, revision: leaving }]);
  return undefined;
}

/** Who uses a provider, in words. Reads applications until one does: deleting is rare, and an index would cost each registration. */
async function userOf(view: View, name: string): Promise<string | undefined> {
  const settings = decodeSettings((await view.read(settingsPath))?.open());
  if (settings.defaultProvider === name) return 'config as default_provider';
  for await (const record of everyItem((page) => view.range(applicationFolder, page))) {
    const { id, provider } = decodeApplication(record.open());
    if (provider === name) return `application ${JSON.stringify(id)}`;
  }
  return undefined;
}
