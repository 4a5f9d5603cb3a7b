/** An auth method whose refusals can be looked behind: callers see one answer for all, tests want to know which it was. */
import type { Endpoint, EndpointOperation, OperationSpec, Principal } from '../../src/core/endpoint.ts';
import type { AuthMethodType } from '../../src/engine/engine.ts';

export interface WatchedMethod {
  readonly type: AuthMethodType;
  /** What was behind the last refusal; empty where there was none since it was asked. */
  reason(): string;
  /** Whom the last login that was handled is of. */
  readonly principal: () => Principal | undefined;
}

export function watched(method: AuthMethodType): WatchedMethod {
  let last = '';
  let principal: Principal | undefined;
  const watch = (endpoint: Endpoint): Endpoint => {
    const operations = Object.entries(endpoint.operations).map(([name, spec]): [string, OperationSpec] => [
      name,
      {
        ...spec,
        handle: async (call) => {
          try {
            const reply = await spec.handle(call);
            principal = reply?.login ?? principal;
            return reply;
          } catch (error) {
            const cause = error instanceof Error ? error.cause : undefined;
            last = cause instanceof Error ? cause.message : String(error);
            throw error;
          }
        },
      },
    ]);
    return {
      ...endpoint,
      operations: Object.fromEntries(operations) as Record<EndpointOperation, OperationSpec>,
    };
  };
  return {
    type: {
      ...method,
      create: (environment) => {
        const made = method.create(environment);
        return { ...made, endpoints: made.endpoints.map(watch) };
      },
    },
    principal: () => principal,
    reason() {
      const said = last;
      last = '';
      return said;
    },
  };
}
