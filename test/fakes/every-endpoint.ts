/** Every endpoint that a node declares, as a request that reaches it. */
import type { Endpoint, EndpointOperation, OperationSpec } from '../../src/core/endpoint.ts';
import type { CofferNode } from '../../src/main/node.ts';

export interface DeclaredOperation {
  /** Mount path and pattern, as the declaration spells them. */
  readonly name: string;
  readonly operation: EndpointOperation;
  /** A path that the pattern matches. */
  readonly path: string;
  readonly endpoint: Endpoint;
  readonly spec: OperationSpec;
  readonly mountType: string;
}

/** `sample` stands in for each capture. */
export function everyOperation(node: CofferNode, sample = 'sample'): readonly DeclaredOperation[] {
  const { core } = node.state;
  if (core === undefined) throw new Error('the node is sealed');
  return core.mounts.table.mounts.flatMap(({ entry, endpoints }) =>
    endpoints.endpoints.flatMap((endpoint) =>
      operationsOf(endpoint).map(([operation, spec]) => ({
        name: `${entry.path}${endpoint.pattern}`,
        operation,
        path: pathOf(`${entry.path}${endpoint.pattern}`, operation, sample),
        endpoint,
        spec,
        mountType: entry.type,
      })),
    ),
  );
}

function operationsOf(endpoint: Endpoint): readonly (readonly [EndpointOperation, OperationSpec])[] {
  const names: readonly EndpointOperation[] = ['read', 'list', 'scan', 'update', 'patch', 'delete'];
  return names.flatMap((name) => {
    const spec = endpoint.operations[name];
    return spec === undefined ? [] : [[name, spec] as const];
  });
}

function pathOf(pattern: string, operation: EndpointOperation, sample: string): string {
  const path = pattern.replace(/:[a-z_]+\*?/g, sample).replace(/\/$/, '');
  return operation === 'list' || operation === 'scan' ? `${path}/` : path;
}
