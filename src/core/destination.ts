/** Where a request's path leads: the mount, the endpoint below it, and what of it the request asks for. */
import { declaredOperation } from './declared-operation.ts';
import type { Endpoint, EndpointOperation, OperationSpec } from './endpoint.ts';
import type { MountTable, RouteMatch } from './mount/table.ts';
import type { Request } from './request.ts';

/** Where a request goes: an endpoint's operation, or the error that says why nowhere. */
export interface Destination {
  readonly route: RouteMatch | undefined;
  readonly endpoint: Endpoint | undefined;
  readonly params: Readonly<Record<string, string>>;
  readonly operation: EndpointOperation | undefined;
  readonly spec: OperationSpec | undefined;
}

export function findDestination(
  table: MountTable,
  request: Pick<Request, 'operation' | 'path'>,
): Destination {
  const route = table.route(request.path);
  const operation = declaredOperation(request);
  const match = route?.mount.endpoints.match(route.path, operation);
  return {
    route,
    endpoint: match?.endpoint,
    params: match?.params ?? {},
    operation,
    spec: operation === undefined ? undefined : match?.endpoint.operations[operation],
  };
}
