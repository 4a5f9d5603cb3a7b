/** Applications: registering, configuring, rotating and showing them. */
import type { Endpoint } from '../../core/endpoint.ts';
import type { ServiceUsersParts } from './parts.ts';

export function applicationEndpoints(_parts: ServiceUsersParts): readonly Endpoint[] {
  return [];
}
