/** Providers of a mount, open on this node. One belongs to a revision of its record: whoever changes that, on any node, is followed with the next call. */
import type { View, ViewExpectation } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { OpenProvider, ProviderSettings, ProviderType } from '../../service-user/provider.ts';
import type { Revision } from '../../storage/storage.ts';
import type { ServiceUsersParts } from './parts.ts';
import {
  decodeProvider,
  ownProvider,
  ownRecord,
  type ProviderRecord,
  parseProviderName,
  providerPath,
} from './provider-record.ts';

interface Known {
  readonly revision: Revision | null;
  readonly provider: OpenProvider;
}

export interface StoredProvider {
  readonly record: ProviderRecord;
  /** Null for the one that is there without being configured. */
  readonly revision: Revision | null;
}

export class Providers {
  readonly #parts: ServiceUsersParts;
  readonly #known = new Map<string, Known>();
  #closed = false;

  constructor(parts: ServiceUsersParts) {
    this.#parts = parts;
  }

  /**
   * The provider as it is configured now. Its `close` is not the caller's.
   *
   * @throws `invalid_request` where there is none of this name, where this program has none of its kind, and where the server's settings do not
   * allow (any more) what it was configured with
   */
  async of(view: View, name: string): Promise<OpenProvider> {
    const stored = await findProvider(this.#parts, view, name);
    const known = this.#known.get(name);
    if (stored !== undefined && known?.revision === stored.revision) return known.provider;
    this.#known.delete(name);
    known?.provider.close();
    if (stored === undefined) throw noProvider(name);
    const provider = openProvider(this.#parts, stored.record.type, stored.record);
    // Whoever still asks is answered, and nothing stays open behind it.
    if (this.#closed) provider.close();
    else this.#known.set(name, { revision: stored.revision, provider });
    return provider;
  }

  close(): void {
    this.#closed = true;
    for (const { provider } of this.#known.values()) provider.close();
    this.#known.clear();
  }
}

/** Undefined where there is none. Throws `invalid_request` for what cannot be a name. */
export async function findProvider(
  { providers }: ServiceUsersParts,
  view: View,
  name: string,
): Promise<StoredProvider | undefined> {
  const record = await view.read(providerPath(parseProviderName(name)));
  if (record !== undefined) return { record: decodeProvider(record.open()), revision: record.revision };
  return name === ownProvider && providers.has(ownProvider)
    ? { record: ownRecord, revision: null }
    : undefined;
}

/**
 * For whoever lets something refer to a provider: what its commit must expect, so that the provider is not deleted meanwhile.
 *
 * @throws `invalid_request` where there is none, or it is being deleted
 */
export async function expectProvider(
  parts: ServiceUsersParts,
  view: View,
  name: string,
): Promise<readonly ViewExpectation[]> {
  const stored = await findProvider(parts, view, name);
  if (stored === undefined) throw noProvider(name);
  if (stored.record.leaving) {
    throw new CofferError('invalid_request', `provider ${JSON.stringify(name)} is being deleted`);
  }
  // The one that needs no record may get one meanwhile, and goes on being there.
  return stored.revision === null ? [] : [{ path: providerPath(name), revision: stored.revision }];
}

/** Opens one, which connects to nothing yet. Throws `invalid_request` for a kind that there is not, and for settings that cannot be. */
export function openProvider(
  parts: ServiceUsersParts,
  type: string,
  settings: ProviderSettings,
): OpenProvider {
  const { clock, environment } = parts;
  return providerTypeOf(parts, type).open(
    { options: settings.options, secret: settings.secret },
    {
      clock,
      random: environment.random,
      mountPath: environment.mountPath,
      digest: (text) => environment.digest(text),
    },
  );
}

/** Throws `invalid_request` for a kind that there is not. */
export function providerTypeOf({ providers }: ServiceUsersParts, type: string): ProviderType {
  const found = providers.get(type);
  if (found !== undefined) return found;
  throw new CofferError(
    'invalid_request',
    `a provider’s type is one of ${[...providers.keys()].join(', ')}, not ${JSON.stringify(type.slice(0, 40))}`,
  );
}

function noProvider(name: string): CofferError {
  return new CofferError(
    'invalid_request',
    `there is no provider ${JSON.stringify(name.slice(0, 80))}: providers/ lists those that are configured`,
  );
}
