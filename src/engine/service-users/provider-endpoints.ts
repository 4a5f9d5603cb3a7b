/** Configured providers. */
import type { Endpoint } from '../../core/endpoint.ts';
import type { ServiceUsersParts } from './parts.ts';

export function providerEndpoints(_parts: ServiceUsersParts): readonly Endpoint[] {
  return [];
}
