/** An engine that answers what it was handed, declares a field of every type, and can be told what kind of reply to give. */
import { type Call, endpoint, type Fields, type Reply } from '../../src/core/endpoint.ts';
import { applyMergePatch } from '../../src/core/merge-patch.ts';
import type { EngineType } from '../../src/engine/engine.ts';
import type { JsonObject } from '../../src/json.ts';

/** Named for their types. */
export const everyType = {
  string: { type: 'string', help: 'Text.' },
  int: { type: 'int', help: 'A whole number.' },
  float: { type: 'float', help: 'A number.' },
  bool: { type: 'bool', help: 'A truth.', aliases: ['boolean'] },
  duration: { type: 'duration', help: 'A time.' },
  list: { type: 'list', help: 'Texts.' },
  ints: { type: 'ints', help: 'Whole numbers.' },
  pairs: { type: 'pairs', help: 'Texts by name.' },
  header: { type: 'header', help: 'Lists of texts by name.' },
  object: { type: 'object', help: 'An object.' },
  any: { type: 'any', help: 'Anything.' },
} as const satisfies Fields;

const replies: Readonly<Record<string, Reply | undefined>> = {
  nothing: undefined,
  data: { data: { keys: ['a'], value: 1 } },
  'no-keys': { data: { keys: [] } },
  warning: { warnings: ['mind the gap'] },
  null: { data: null },
  status: { status: 202, data: { value: 1 } },
};

const response = { '*': { type: 'any' } } as const;

export const echoType: EngineType = {
  type: 'echo',
  summary: 'answers what it was handed',
  parseOptions: (options) => options,
  create: () => ({
    endpoints: [
      endpoint({
        pattern: 'typed',
        help: 'Answers its fields as they were read.',
        fields: everyType,
        operations: {
          read: { summary: 'Echo', response, handle: echo },
          update: { summary: 'Echo', response, handle: echo },
        },
      }),
      endpoint({
        pattern: 'patched',
        help: 'Answers an object as the patch changes it.',
        fields: {},
        openFields: true,
        operations: {
          patch: {
            summary: 'Patch',
            response,
            handle: async (call) => ({
              data: { patched: applyMergePatch({ a: 1, deep: { b: 2, c: 3 } }, call.data) },
            }),
          },
        },
      }),
      endpoint({
        pattern: 'tree/:path*',
        help: 'Lists names, one level or all of them.',
        fields: {},
        operations: {
          list: {
            summary: 'List',
            response: { keys: { type: 'list' } },
            handle: async () => ({ data: { keys: ['a/'] } }),
          },
          scan: {
            summary: 'List all levels',
            response: { keys: { type: 'list' } },
            handle: async (call) => ({ data: { keys: named(call) === 'empty/' ? [] : ['a/b', 'a/c'] } }),
          },
        },
      }),
      ...(['reply', 'repeated'] as const).map((pattern) => {
        const spec = {
          summary: 'Reply as told',
          repeatData: pattern === 'repeated',
          response,
          handle: async (call: Call) => replies[named(call).replace(/\/$/, '')],
        };
        return endpoint({
          pattern: `${pattern}/:path*`,
          help: 'Replies as the path says.',
          fields: {},
          operations: { read: spec, list: spec, scan: spec, update: spec, patch: spec, delete: spec },
        });
      }),
    ],
  }),
};

async function echo({ fields }: Call): Promise<Reply> {
  const read = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  return { data: Object.fromEntries(read) as JsonObject };
}

function named(call: Call): string {
  return call.params['path'] ?? '';
}
