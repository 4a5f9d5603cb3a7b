/** An endpoint below its mount as "Path Items" of OpenAPI 3.0.2, by path template. */
import type { JsonObject } from '../../json.ts';
import type { Endpoint, EndpointOperation, OperationSpec } from '../endpoint.ts';
import { operationObject } from './operation.ts';

export interface MountPlace {
  /** With a `/` at its end, such as `auth/approle/` or, for any mount of a type, `{kv_mount_path}/`. */
  readonly prefix: string;
  /** What a generic prefix stands for here; empty where the prefix is the path itself. */
  readonly standsFor: string;
  /** Ends the name of every operation. */
  readonly suffix: string;
}

/** Which operations are described. */
export type Shown = (spec: OperationSpec) => boolean;

/** Reads and lists are both GET: lists stand at the path with a `/` at its end, as the server takes them too. */
const methods = {
  read: ['get', ''],
  list: ['get', '/'],
  scan: ['get', '/'],
  update: ['post', ''],
  patch: ['patch', ''],
  delete: ['delete', ''],
} as const satisfies Record<EndpointOperation, readonly [string, string]>;

export function pathItems(
  place: MountPlace,
  endpoint: Endpoint,
  shown: Shown,
): Readonly<Record<string, JsonObject>> {
  const template = `/${place.prefix}${templateOf(endpoint.pattern)}`.replace(/\/$/, '');
  const captured = namesIn(template);
  const items: Record<string, Record<string, JsonObject>> = {};
  for (const operation of Object.keys(methods) as EndpointOperation[]) {
    const spec = endpoint.operations[operation];
    if (spec === undefined || !shown(spec)) continue;
    const [method, end] = methods[operation];
    const path = template + end;
    const item = items[path] ?? {};
    items[path] = item;
    // A scan beside a list is told there: one path has one GET.
    if (item[method] !== undefined) continue;
    item[method] = operationObject({
      operation,
      spec,
      endpoint,
      captured: new Set(captured),
      id: idOf(place, endpoint.pattern, operation),
      tag: place.prefix.startsWith('auth/') ? 'auth' : place.prefix === 'sys/' ? 'system' : 'secrets',
    });
  }
  const common = {
    ...(endpoint.exists === undefined ? {} : { 'x-vault-createSupported': true }),
    ...(captured.length === 0
      ? {}
      : { parameters: captured.map((name) => pathParameter(place, endpoint, name)) }),
  };
  return Object.fromEntries(Object.entries(items).map(([path, item]) => [path, { ...common, ...item }]));
}

function templateOf(pattern: string): string {
  return pattern.replace(/:([a-z_]+)\*?/g, '{$1}');
}

function namesIn(template: string): readonly string[] {
  return [...template.matchAll(/\{([a-z0-9_]+)\}/g)].map(([, name = '']) => name);
}

function pathParameter(
  { prefix, standsFor }: MountPlace,
  { pattern, fields }: Endpoint,
  name: string,
): JsonObject {
  const mount = prefix.includes(`{${name}}`);
  const rest = pattern.endsWith(`:${name}*`);
  const help = mount ? 'Where it is enabled.' : (fields[name]?.help ?? 'A name.');
  return {
    name,
    in: 'path',
    required: true,
    description: rest ? `${help} May hold slashes.` : help,
    schema: { type: 'string', ...(mount ? { default: standsFor } : {}) },
  };
}

/** Words with hyphens: the mount, the operation, and the pattern's own words. */
function idOf({ prefix, suffix }: MountPlace, pattern: string, operation: EndpointOperation): string {
  const words = (text: string) => text.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  // A capture and a literal of one name are different paths.
  const own = pattern.replace(/:([a-z_]+)\*?/g, 'by-$1');
  return [...words(prefix), operation, ...words(own), ...words(suffix)].join('-');
}
