/** One operation of an endpoint as an "Operation Object" of OpenAPI 3.0.2: what is sent, and what comes back. */
import type { JsonObject } from '../../json.ts';
import type { Endpoint, EndpointOperation, FieldSpec, FieldType, OperationSpec } from '../endpoint.ts';
import { dataSchema, fieldSchema } from './schema.ts';

export interface DescribedOperation {
  readonly operation: EndpointOperation;
  readonly spec: OperationSpec;
  readonly endpoint: Endpoint;
  /** Names that the path's template captures. */
  readonly captured: ReadonlySet<string>;
  /** Unique in the document. */
  readonly id: string;
  readonly tag: string;
}

export function operationObject(described: DescribedOperation): JsonObject {
  const { operation, spec, endpoint, id, tag } = described;
  const parameters = isWrite(operation) ? [] : queryParameters(described);
  return {
    summary: spec.summary,
    description: endpoint.help,
    operationId: id,
    tags: [tag],
    ...(spec.login === true ? { security: [] } : {}),
    ...(spec.sudo === true ? { 'x-vault-sudo': true } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(isWrite(operation) ? bodyOf(described) : {}),
    responses: { ...successes(operation, spec), ...failures(described) },
  };
}

function isWrite(operation: EndpointOperation): operation is 'update' | 'patch' {
  return operation === 'update' || operation === 'patch';
}

/** A field goes with the writes of an endpoint that has any, unless it says otherwise. */
function belongsToQuery({ operations }: Endpoint, field: FieldSpec): boolean {
  return field.query ?? (operations.update === undefined && operations.patch === undefined);
}

function fieldsOf({ endpoint, captured }: DescribedOperation): readonly (readonly [string, FieldSpec])[] {
  return Object.entries(endpoint.fields).filter(([name]) => !captured.has(name));
}

function queryParameters(described: DescribedOperation): readonly JsonObject[] {
  const { endpoint, operation } = described;
  const declared = fieldsOf(described)
    .filter(([, field]) => belongsToQuery(endpoint, field) || field.required === true)
    .map(([name, field]) => ({
      name,
      in: 'query',
      ...(field.required === true ? { required: true } : {}),
      ...queryValue(field),
    }));
  return [...waySwitch(endpoint, operation), ...declared];
}

/** A LIST or SCAN by way of GET, since OpenAPI has no word for either method. */
function waySwitch({ operations }: Endpoint, operation: EndpointOperation): readonly JsonObject[] {
  if (operation !== 'list' && operation !== 'scan') return [];
  const ways = (['list', 'scan'] as const).filter((way) => operations[way] !== undefined);
  // Where there are two ways, exactly one of them is asked for.
  const required = ways.length === 1;
  return ways.map((name) => ({ name, in: 'query', required, schema: { type: 'string', enum: ['true'] } }));
}

const structured: ReadonlySet<FieldType> = new Set(['object', 'pairs', 'header', 'any']);

/** Objects go into a query as JSON text. */
function queryValue(field: FieldSpec): JsonObject {
  const schema = fieldSchema(field);
  return structured.has(field.type)
    ? { description: field.help, content: { 'application/json': { schema } } }
    : { description: field.help, schema };
}

function bodyOf(described: DescribedOperation): JsonObject {
  const { endpoint, operation } = described;
  const fields = fieldsOf(described).filter(([, field]) => field.query !== true);
  const open = endpoint.openFields === true;
  if (fields.length === 0 && !open) return {};
  const required = fields.filter(([, field]) => field.required === true).map(([name]) => name);
  const schema = {
    type: 'object',
    properties: Object.fromEntries(fields.map(([name, field]) => [name, fieldSchema(field)])),
    ...(required.length === 0 ? {} : { required }),
    ...(open ? { additionalProperties: true } : {}),
  };
  const type = operation === 'patch' ? 'application/merge-patch+json' : 'application/json';
  return {
    requestBody: {
      ...(required.length === 0 ? {} : { required: true }),
      content: { [type]: { schema } },
    },
  };
}

const envelope = { $ref: '#/components/schemas/Envelope' } as const;

function successes(operation: EndpointOperation, { response, plain, summary }: OperationSpec): JsonObject {
  const answer = (schema: JsonObject) => ({
    '200': { description: summary, content: { 'application/json': { schema } } },
  });
  const done = { '204': { description: 'Done; there is nothing to say.' } };
  if (response === undefined)
    return isWrite(operation) || operation === 'delete' ? { ...answer(envelope), ...done } : answer(envelope);
  const data = dataSchema(response);
  if (plain === true) return answer(data);
  return answer({ allOf: [envelope, { type: 'object', properties: { data: { ...data, nullable: true } } }] });
}

function failures({ operation, spec }: DescribedOperation): JsonObject {
  const error = (description: string) => ({
    description,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Errors' } } },
  });
  const asks = operation === 'read' || operation === 'list' || operation === 'scan';
  return {
    '400': error('The request is wrong in itself.'),
    ...(spec.login === true ? {} : { '403': error('No living token, or no rule that allows it.') }),
    ...(asks ? { '404': error('There is nothing.') } : {}),
    ...(operation === 'patch' ? { '415': error('The body is not a merge patch.') } : {}),
    ...(spec.whileSealed === true ? {} : { '503': error('The store is sealed, or the server is busy.') }),
    default: error('Any other refusal.'),
  };
}
