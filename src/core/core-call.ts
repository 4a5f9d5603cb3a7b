/** Endpoints of the core's own mounts: they are handed the caller's token, which no engine ever sees. */

import type { Call, Endpoint, EndpointOperation, Fields, OperationSpec, Reply } from './endpoint.ts';
import type { ApiPath } from './path.ts';
import type { Acl } from './policy/acl.ts';
import type { ReadToken } from './token/reader.ts';

export interface CoreCall<F extends Fields = Fields> extends Call<F> {
  /** The whole request path, in the form whose rules decided: see `judge`. */
  readonly path: ApiPath;
  /** Undefined on endpoints that need no login. */
  readonly token: ReadToken | undefined;
  /** The token's text as sent, for the answers that show it again. */
  readonly tokenText: string | undefined;
  readonly acl: Acl | undefined;
  /** Seconds of response wrapping asked for; 0 for none. */
  readonly wrapTtl: number;
  /** Others consented to this request. */
  readonly approved?: true;
}

type CoreHandler<F extends Fields> = (call: CoreCall<F>) => Promise<Reply | undefined>;

export type CoreEndpoint<F extends Fields> = Omit<Endpoint<F>, 'operations' | 'exists'> & {
  readonly exists?: (call: CoreCall<F>) => Promise<boolean>;
  readonly operations: {
    readonly [O in EndpointOperation]?: Omit<OperationSpec<F>, 'handle'> & {
      readonly handle: CoreHandler<F>;
    };
  };
};

/** Declares an endpoint of the core. Only the road calls it, with calls that it made itself. */
export function coreEndpoint<const F extends Fields>(declaration: CoreEndpoint<F>): Endpoint {
  return declaration as unknown as Endpoint;
}
