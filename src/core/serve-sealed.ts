/** What a node answers without a working core: its state, `sys/init` and `sys/unseal`, and that it is sealed. */
import type { Clock } from '../clock.ts';
import { CofferError } from '../errors.ts';
import { buildAnswer } from './answer.ts';
import { declaredOperation } from './declared-operation.ts';
import type { Call } from './endpoint.ts';
import { EndpointTable } from './endpoint-table.ts';
import { coerceFields } from './field.ts';
import type { Passage, Telemetry } from './meter.ts';
import { systemType } from './mount/builtin.ts';
import type { Answer, Request } from './request.ts';
import { sealEndpoints } from './seal-endpoints.ts';
import type { SealState } from './seal-state.ts';
import { telemetryEndpoints } from './telemetry-endpoints.ts';

/** What there is without a store; which of it is answered, `serveSealed` says. */
export function sealedTable(state: SealState, clock: Clock, telemetry: Telemetry): EndpointTable {
  const sample = () => Promise.resolve({ initialized: state.initialized, sealed: true });
  return new EndpointTable([...sealEndpoints(state, clock), ...telemetryEndpoints(telemetry, sample)]);
}

/** There is no key yet with which an audit line could be vouched for: unsealing itself shows in the log that it opens. */
export async function serveSealed(
  state: SealState,
  table: EndpointTable,
  clock: Clock,
  request: Request,
  passage: Passage,
): Promise<Answer> {
  const operation = declaredOperation(request);
  const path = request.path.startsWith('sys/') ? request.path.slice('sys/'.length) : undefined;
  const match = path === undefined ? undefined : table.match(path, operation);
  const spec = operation === undefined ? undefined : match?.endpoint.operations[operation];
  passage.routed(systemType, match?.endpoint, false);
  const open = spec?.whileSealed === true || (spec?.metrics === true && request.metricsWithoutToken === true);
  if (match === undefined || operation === undefined || spec === undefined || !open) {
    throw state.initialized
      ? new CofferError('sealed', 'Vault is sealed')
      : new CofferError('not_initialized', 'server is not yet initialized');
  }
  const { values } = coerceFields(match.endpoint.fields, request.data);
  const call = {
    requestId: request.id,
    operation,
    params: match.params,
    fields: values,
    data: request.data,
    caller: undefined,
    clock,
    remoteAddress: request.remoteAddress,
    signal: request.signal ?? (() => new AbortController().signal),
  } as unknown as Call;
  const reply = await spec.handle(call);
  return buildAnswer({
    request,
    operation,
    spec,
    mountType: systemType,
    reply,
    auth: null,
    lease: null,
    warnings: [],
  });
}
