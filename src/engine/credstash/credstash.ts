/** A table of KMS and DynamoDB as a mount: for clients that have no rights at AWS, with policies and an audit log before it. */

import type { AwsPlaces } from '../../aws/aws-places.ts';
import { CofferError } from '../../errors.ts';
import type { EngineOptions, EngineType } from '../engine.ts';
import { configEndpoint } from './config-endpoint.ts';
import { dataEndpoint, subkeysEndpoint } from './data-endpoint.ts';
import { metadataEndpoint } from './metadata-endpoint.ts';
import { type OpenServices, Tables } from './tables.ts';
import { versionEndpoints } from './version-endpoints.ts';

/** @param open in place of AWS's own, in tests */
export function credstash(places: AwsPlaces, open?: OpenServices): EngineType {
  return {
    type: 'credstash',
    summary: 'secrets of a table of DynamoDB and KMS, as credstash and the command line have them',
    parseOptions,
    create(environment) {
      const tables = new Tables(environment, places, open);
      return {
        endpoints: [
          configEndpoint(tables, places),
          dataEndpoint(tables),
          subkeysEndpoint(tables),
          metadataEndpoint(tables),
          ...versionEndpoints(tables),
        ],
        close: () => tables.close(),
      };
    },
  };
}

/** Clients of kv ask a mount's options whether `data/` goes before a name; here it does. */
function parseOptions(options: EngineOptions): EngineOptions {
  for (const [name, value] of Object.entries(options)) {
    if (name === 'version' && value === '2') continue;
    throw new CofferError(
      'invalid_request',
      'credstash has no options; the table, its region and its key go into the mount’s config',
    );
  }
  return { version: '2' };
}
