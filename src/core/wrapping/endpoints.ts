/** `sys/wrapping/…`: answers that one reader gets, once (Vault API, "response wrapping"). */
import { timestamp } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import { type CoreCall, coreEndpoint } from '../core-call.ts';
import type { Endpoint, Fields, OperationSpec, Reply, ResponseSchema } from '../endpoint.ts';
import type { CoreRooms } from '../rooms.ts';
import { notValid, type Wrapped } from './wrappings.ts';

const tokenField = {
  token: {
    type: 'string',
    help: 'The wrapping token; without it, the caller’s own is one.',
    sensitive: true,
  },
} as const satisfies Fields;

export type TokenCall = CoreCall<typeof tokenField>;

const lookupSchema = {
  creation_ttl: { type: 'int' },
  creation_time: { type: 'string' },
  creation_path: { type: 'string' },
} as const satisfies ResponseSchema;

export function wrappingEndpoints(rooms: CoreRooms): readonly Endpoint[] {
  return [wrap(), unwrap(rooms), lookup(rooms), rewrap(rooms)];
}

function wrap(): Endpoint {
  return coreEndpoint({
    pattern: 'wrapping/wrap',
    help: 'Wraps what is sent, for the life that X-Vault-Wrap-TTL asks for.',
    fields: {},
    openFields: true,
    operations: {
      update: {
        summary: 'Wrap data',
        response: { '*': { type: 'any', sensitive: true } },
        handle: async (call) => {
          if (call.wrapTtl === 0) {
            throw new CofferError(
              'invalid_request',
              'endpoint requires response wrapping to be used: send X-Vault-Wrap-TTL',
            );
          }
          return { data: call.data };
        },
      },
    },
  });
}

function unwrap(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'wrapping/unwrap',
    help: 'Answers what was wrapped, and ends the wrapping token.',
    fields: tokenField,
    operations: {
      update: {
        summary: 'Unwrap',
        unwraps: true,
        refusal: notValid,
        response: { '*': { type: 'any', sensitive: true } },
        handle: async (call) => {
          const wrapped = await named(rooms, call);
          // A request that waits is carried out by the road, which never comes here with one.
          if (wrapped === undefined || wrapped.record.approval === true) throw notValid();
          // The caller's own use is spent by the request: the token ends with it.
          const own = wrapped.token.record.id === call.token?.record.id;
          if (!own) await spendUse(call);
          const text = await (own ? rooms.wrappings.text(wrapped) : rooms.wrappings.take(wrapped));
          return { text };
        },
      },
    },
  });
}

function lookup(rooms: CoreRooms): Endpoint {
  const spec: Omit<OperationSpec<typeof tokenField>, 'handle'> & {
    readonly handle: (call: TokenCall) => Promise<Reply>;
  } = {
    summary: 'Show when and where an answer was wrapped',
    login: true,
    response: lookupSchema,
    handle: async (call) => {
      const text = call.fields.token ?? call.tokenText;
      const wrapped = text === undefined ? undefined : await rooms.wrappings.find(text);
      if (wrapped === undefined) throw notValid();
      return {
        data: {
          creation_ttl: wrapped.record.ttl,
          creation_time: timestamp(wrapped.token.record.issuedAt),
          creation_path: wrapped.record.creationPath,
        },
      };
    },
  };
  return coreEndpoint({
    pattern: 'wrapping/lookup',
    help: 'Shows what a wrapping token was made for, without using it up.',
    fields: tokenField,
    operations: { read: spec, update: spec },
  });
}

function rewrap(rooms: CoreRooms): Endpoint {
  return coreEndpoint({
    pattern: 'wrapping/rewrap',
    help: 'Puts a wrapped answer under a new token of the same life; the old one ends.',
    fields: tokenField,
    operations: {
      update: {
        summary: 'Wrap again',
        refusal: notValid,
        handle: async (call) => {
          const wrapped = await named(rooms, call);
          // Its one use is this request: there would be nothing left to end.
          if (wrapped === undefined || wrapped.token.record.id === call.token?.record.id) throw notValid();
          if (wrapped.record.approval === true) throw waitsForApproval();
          await spendUse(call);
          return { wrapped: await rooms.wrappings.rewrap(wrapped) };
        },
      },
    },
  });
}

/** There is no answer yet, and a request under another token would be another one. */
function waitsForApproval(): CofferError {
  return new CofferError(
    'needs_approval',
    'this is a request that waits for approval: it is not wrapped again',
  );
}

/** The wrapping token that a call is about: the one it names, else the caller's own. */
export async function named(rooms: CoreRooms, call: TokenCall): Promise<Wrapped | undefined> {
  if (call.fields.token !== undefined && call.fields.token !== '') {
    return rooms.wrappings.find(call.fields.token);
  }
  return call.token === undefined ? undefined : rooms.wrappings.wrappedBy(call.token);
}

/** Before another token is ended by a commit of its own: a caller without a use left must not get that far. */
async function spendUse({ token, view }: TokenCall): Promise<void> {
  if (token !== undefined && token.record.usesLeft !== null) await view.commit([]);
}
