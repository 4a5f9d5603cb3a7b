/**
 * The OpenAPI 3.0.2 document of a node, made of the declarations that requests are routed, read and checked by. Members that
 * may be long are JSON text already: each mount's part is made once.
 */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { version } from '../../version.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Mount } from '../mount/table.ts';
import { type AnswerData, RawJson } from '../request.ts';
import { type MountPlace, pathItems, type Shown } from './paths.ts';

export interface DocumentWish {
  /** In place of each mount's path a parameter, and one mount of a type stands for all. */
  readonly genericMountPaths: boolean;
  /** Ends the name of every operation. */
  readonly context: string;
  readonly shown: Shown;
}

/** Mounts described each by itself: an answer of some megabytes. */
const mostMounts = 256;

/** `mounts` are those that the caller may know of. Throws `invalid_request` for too many of them. */
export function openApiDocument(mounts: readonly Mount[], wish: DocumentWish): AnswerData {
  if (mounts.length > mostMounts && !wish.genericMountPaths) {
    throw new CofferError(
      'invalid_request',
      `more than ${mostMounts} mounts are not described each by itself: ask with generic_mount_paths=true`,
    );
  }
  const seen = new Set<string>();
  const parts = mounts.flatMap((mount) => {
    const place = placeOf(mount, wish);
    if (seen.has(place.prefix)) return [];
    seen.add(place.prefix);
    return [partOf(mount, place, wish)];
  });
  return documentWith(new RawJson(`{${parts.filter((part) => part !== '').join(',')}}`));
}

/** The document of one endpoint, or of all of a mount's. */
export function openApiExcerpt(mount: Mount, endpoints: readonly Endpoint[]): AnswerData {
  const place = { prefix: mount.entry.path, standsFor: '', suffix: '' };
  const items = endpoints.map((endpoint) => pathItems(place, endpoint, () => true));
  return documentWith(Object.assign({}, ...items) as JsonObject);
}

function documentWith(paths: RawJson | JsonObject): AnswerData {
  return { openapi: '3.0.2', info, servers: [{ url: '/v1' }], security: [{ token: [] }], paths, components };
}

/** Mounts that are at their place for good. */
const fixed: ReadonlySet<string> = new Set(['sys/', 'cubbyhole/', 'auth/token/']);

function placeOf({ entry }: Mount, { genericMountPaths, context }: DocumentWish): MountPlace {
  if (!genericMountPaths || fixed.has(entry.path))
    return { prefix: entry.path, standsFor: '', suffix: context };
  const parameter = `{${entry.type.replace(/[^a-z0-9]+/g, '_')}_mount_path}/`;
  const own = entry.kind === 'auth' ? entry.path.slice('auth/'.length) : entry.path;
  return {
    prefix: entry.kind === 'auth' ? `auth/${parameter}` : parameter,
    standsFor: own.slice(0, -1),
    suffix: context,
  };
}

/** Members of `paths`, without the braces around them; by mount as loaded, so that a change of mounts makes them anew. */
const known = new WeakMap<Mount, Map<Shown, Map<string, string>>>();

function partOf(mount: Mount, place: MountPlace, { shown, context }: DocumentWish): string {
  if (context !== '') return membersOf(mount, place, shown);
  const byShown = known.get(mount) ?? new Map<Shown, Map<string, string>>();
  known.set(mount, byShown);
  const byPrefix = byShown.get(shown) ?? new Map<string, string>();
  byShown.set(shown, byPrefix);
  const text = byPrefix.get(place.prefix) ?? membersOf(mount, place, shown);
  byPrefix.set(place.prefix, text);
  return text;
}

function membersOf(mount: Mount, place: MountPlace, shown: Shown): string {
  const items = mount.endpoints.endpoints.map((endpoint) => pathItems(place, endpoint, shown));
  return JSON.stringify(Object.assign({}, ...items)).slice(1, -1);
}

const info = {
  title: 'Coffer',
  version,
  description:
    'Types are lenient: a number may be sent as text, a list as text with commas, a duration as seconds or as text such as 1h30m.',
} as const;

const nullableObject = { type: 'object', nullable: true } as const;

const components = {
  securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Vault-Token' } },
  schemas: {
    Envelope: {
      type: 'object',
      description: 'What every answer but a few has around its data.',
      required: [
        'request_id',
        'lease_id',
        'renewable',
        'lease_duration',
        'data',
        'wrap_info',
        'warnings',
        'auth',
      ],
      properties: {
        request_id: { type: 'string' },
        lease_id: { type: 'string' },
        renewable: { type: 'boolean' },
        lease_duration: { type: 'integer', format: 'seconds' },
        data: nullableObject,
        wrap_info: nullableObject,
        warnings: { type: 'array', nullable: true, items: { type: 'string' } },
        auth: nullableObject,
        mount_type: { type: 'string' },
      },
    },
    Errors: {
      type: 'object',
      required: ['errors'],
      properties: {
        errors: { type: 'array', items: { type: 'string' } },
        data: { type: 'object' },
      },
    },
  },
} as const;
