/** `roletag-denylist/:tag`: role tags that are good no more. */
import { type Call, type Endpoint, endpoint } from '../../core/endpoint.ts';
import { listPage, pageFields } from '../../core/list-page.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';

export const deniedTagFolder = 'denied-tag/';

export interface DeniedTag {
  /** Milliseconds. */
  readonly createdAt: number;
  /** When no login by the tag can be alive any more. */
  readonly expiresAt: number;
}

export function deniedTagPath(tag: string): string {
  return deniedTagFolder + Buffer.from(tag).toString('base64url');
}

/** The tag that a path denies. */
export function tagAt(path: string): string {
  return Buffer.from(path.slice(deniedTagFolder.length), 'base64url').toString('utf8');
}

/** The old names of the same are what older clients ask by. */
export function deniedTagEndpoints(environment: EngineEnvironment): readonly Endpoint[] {
  return (['roletag-denylist', 'roletag-blacklist'] as const).flatMap((name) => [
    listEndpoint(name),
    tagEndpoint(name, environment),
  ]);
}

function listEndpoint(name: string): Endpoint {
  return endpoint({
    pattern: name,
    help: 'Lists denied role tags, each in base64.',
    fields: pageFields,
    operations: {
      list: {
        summary: 'List denied role tags',
        response: { keys: { type: 'list' } },
        handle: (call) => listPage((page) => call.view.children(deniedTagFolder, page), call.fields),
      },
    },
  });
}

function tagEndpoint(name: string, environment: EngineEnvironment): Endpoint {
  return endpoint({
    pattern: `${name}/:tag*`,
    help: 'Shows, denies or allows again a role tag: logins by a denied one are refused.',
    fields: {},
    operations: {
      read: {
        summary: 'Show a denied role tag',
        response: { creation_time: { type: 'string' }, expiration_time: { type: 'string' } },
        handle: async (call) => {
          const sealed = await call.view.read(deniedTagPath(tagOf(call)));
          if (sealed === undefined) return undefined;
          const { createdAt, expiresAt } = decodeStored<DeniedTag>(sealed.open());
          return {
            data: {
              creation_time: new Date(createdAt).toISOString(),
              expiration_time: new Date(expiresAt).toISOString(),
            },
          };
        },
      },
      update: {
        summary: 'Deny a role tag',
        handle: async (call) => {
          const now = call.clock.now();
          const denied: DeniedTag = { createdAt: now, expiresAt: now + environment.maxTtl * 1_000 };
          await call.view.commit([{ path: deniedTagPath(tagOf(call)), value: encodeStored(denied) }]);
          return undefined;
        },
      },
      delete: {
        summary: 'Allow a role tag again',
        handle: async (call) => {
          await call.view.commit([{ path: deniedTagPath(tagOf(call)), value: null }]);
          return undefined;
        },
      },
    },
  });
}

/** As it is, or in base64. */
function tagOf(call: Call): string {
  const sent = call.params['tag'] ?? '';
  const text = sent.startsWith('v1:') ? sent : Buffer.from(sent, 'base64').toString('utf8');
  if (text.startsWith('v1:') && text.length <= 512) return text;
  throw new CofferError('invalid_request', 'a role tag begins with "v1:"; it may be given in base64');
}
