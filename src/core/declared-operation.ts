import type { EndpointOperation } from './endpoint.ts';
import { alivePath, type Request } from './request.ts';

/** HEAD has a meaning for what is asked by its status alone, and reads; help is asked of what declares nothing of the kind. */
export function declaredOperation({
  operation,
  path,
}: Pick<Request, 'operation' | 'path'>): EndpointOperation | undefined {
  if (operation === 'header') return path === 'sys/health' || path === alivePath ? 'read' : undefined;
  if (operation === 'help') return undefined;
  return operation === 'create' ? 'update' : operation;
}
