/** Whether a provider that an application names is there. */
import type { View, ViewExpectation } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { ServiceUsersKinds } from './parts.ts';

/** Where a configured provider rests. */
export function providerPath(name: string): string {
  return `provider/${name}`;
}

const providerName = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;

/**
 * What a commit expects that goes by the provider's being there: nothing, where it is the one that needs no configuration. Throws `invalid_request` for one
 * that is not there.
 */
export async function expectProvider(
  { providers }: Pick<ServiceUsersKinds, 'providers'>,
  view: View,
  name: string,
): Promise<readonly ViewExpectation[]> {
  const record = providerName.test(name) ? await view.read(providerPath(name)) : undefined;
  if (record !== undefined) return [{ path: providerPath(name), revision: record.revision }];
  if (name === 'builtin' && providers.has('builtin')) return [];
  throw new CofferError(
    'invalid_request',
    `there is no provider ${JSON.stringify(name.slice(0, 80))}: providers/ lists those that are configured`,
  );
}
