/** Applications: registering, configuring, rotating and showing them. */
import type { Endpoint } from '../../core/endpoint.ts';
import { configEndpoint } from './config-endpoint.ts';
import { deliveryEndpoint } from './delivery-endpoint.ts';
import { historyEndpoint } from './history-endpoint.ts';
import type { ServiceUsersParts } from './parts.ts';
import { readerEndpoints } from './reader-endpoints.ts';
import { registrationEndpoints } from './registration-endpoints.ts';
import { shrinkEndpoint } from './registry/shrink-endpoint.ts';
import { rotationEndpoints } from './rotation-endpoints.ts';
import { statusEndpoints } from './status-endpoints.ts';

export function applicationEndpoints(parts: ServiceUsersParts): readonly Endpoint[] {
  return [
    configEndpoint(parts),
    ...registrationEndpoints(parts),
    deliveryEndpoint(parts),
    ...rotationEndpoints(parts),
    ...statusEndpoints(parts),
    historyEndpoint(),
    ...readerEndpoints(parts),
    shrinkEndpoint(parts),
  ];
}
