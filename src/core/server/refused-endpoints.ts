/** Parts of Vault's API that belong to what is not here, so that a client is told so and not just that there is no such path. */
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint, EndpointOperation } from '../endpoint.ts';

const absent: readonly (readonly [
  pattern: string,
  operations: readonly EndpointOperation[],
  reason: string,
])[] = [
  ['namespaces', ['list', 'read'], 'there are no namespaces'],
  ['namespaces/:path*', ['read', 'update', 'patch', 'delete'], 'there are no namespaces'],
  [
    'storage/raft/:path*',
    ['read', 'list', 'update', 'delete'],
    'the storage is not raft; sys/storage/snapshot makes backups',
  ],
  ['license/status', ['read'], 'there is no license'],
];

export function refusedEndpoints(): readonly Endpoint[] {
  return absent.map(([pattern, operations, reason]) => {
    const refuse = async (): Promise<undefined> => {
      throw new CofferError('unsupported_path', `unsupported path: ${reason}`);
    };
    const spec = { summary: `Refused: ${reason}`, response: {}, handle: refuse };
    return coreEndpoint({
      pattern,
      help: `Refused: ${reason}.`,
      fields: {},
      operations: Object.fromEntries(operations.map((operation) => [operation, spec])),
    });
  });
}
