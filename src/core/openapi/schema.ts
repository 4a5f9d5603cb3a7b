/** Declared fields and answers as schemas of OpenAPI 3.0.2 (its "Schema Object": JSON Schema of 2016, and `nullable`). */
import type { JsonObject } from '../../json.ts';
import type { FieldSpec, FieldType, ResponseField, ResponseSchema } from '../endpoint.ts';

/** What each type is at its plainest; what is taken besides is told once, in the document's description. */
const plain = {
  string: { type: 'string' },
  int: { type: 'integer' },
  float: { type: 'number' },
  bool: { type: 'boolean' },
  duration: { type: 'integer', format: 'seconds' },
  list: { type: 'array', items: { type: 'string' } },
  ints: { type: 'array', items: { type: 'integer' } },
  pairs: { type: 'object', additionalProperties: { type: 'string' } },
  header: { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } },
  object: { type: 'object' },
  any: {},
  null: { type: 'string', nullable: true, enum: [null] },
} as const satisfies Record<FieldType | 'null', JsonObject>;

/** A request's field. */
export function fieldSchema(field: FieldSpec): JsonObject {
  return { ...plain[field.type], description: field.help, ...secretMark(field) };
}

/**
 * An answer's data. @param closed no other members than the declared ones: for tests. A document leaves it open, since answers may
 * grow.
 */
export function dataSchema(schema: ResponseSchema, closed = false): JsonObject {
  const { '*': others, ...named } = schema;
  const entries = Object.entries(named);
  const required = entries.filter(([, field]) => field.optional !== true).map(([name]) => name);
  return {
    type: 'object',
    ...(entries.length === 0
      ? {}
      : {
          properties: Object.fromEntries(
            entries.map(([name, field]) => [name, answerFieldSchema(field, closed)]),
          ),
        }),
    ...(required.length === 0 ? {} : { required }),
    ...(others !== undefined
      ? { additionalProperties: answerFieldSchema(others, closed) }
      : closed
        ? { additionalProperties: false }
        : {}),
  };
}

function answerFieldSchema(field: ResponseField, closed: boolean): JsonObject {
  const { type, nullable, members, items, help } = field;
  return {
    ...plain[type],
    ...(members === undefined ? {} : dataSchema(members, closed)),
    ...(items === undefined ? {} : { items: dataSchema(items, closed) }),
    // What may be anything may be null already.
    ...(nullable === true && type !== 'any' ? { nullable: true } : {}),
    ...(help === undefined ? {} : { description: help }),
    ...secretMark(field),
  };
}

function secretMark({ sensitive }: { readonly sensitive?: boolean }): JsonObject {
  return sensitive === true ? { 'x-vault-displayAttrs': { sensitive: true } } : {};
}
