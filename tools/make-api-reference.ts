/**
 * Writes `docs/reference/api.md` from the declarations of endpoints: of a real node's own mounts, and of every engine and auth
 * method in the catalog. `npm run docs` puts it in place, and a test holds the page against it.
 */
import type {
  Endpoint,
  EndpointOperation,
  Fields,
  OperationSpec,
  ResponseSchema,
} from '../src/core/endpoint.ts';
import type { Mount } from '../src/core/mount/table.ts';
import type { Logger } from '../src/log.ts';
import { mountTypes } from '../src/main/catalog.ts';
import { createNode } from '../src/main/node.ts';
import { MemoryStorage } from '../src/storage/memory/memory.ts';

/** Options that an engine must be enabled with, by type. */
const enabledWith: Readonly<Record<string, Readonly<Record<string, string>>>> = { kv: { version: '2' } };

const intro = `# The HTTP API

This page is generated from the declarations that the server routes, checks and audits by; \`npm run docs\` writes it.

Every path is below \`/v1/\`. The token goes into \`X-Vault-Token\` (or \`Authorization: Bearer\`). Bodies and answers are JSON; a
write may also be sent as a form. Answers and [errors](errors.md) have the shape that Vault's clients expect. \`?help=1\` on any
path tells what is there.

A pattern's \`:name\` stands for one segment, and \`:name*\` for the rest of the path. LIST can also be sent as \`GET …?list=true\`,
and POST as PUT. Engines and auth methods are shown at the paths they have unless another is chosen.

A field that is _secret_ never appears in the audit log; a keyed digest stands in its place. Types are lenient: a number may be
sent as text, a list as text with commas, a duration as seconds or as text such as \`1h30m\`.
`;

/** The page. */
export async function makeApiReference(): Promise<string> {
  const quiet = (): void => {};
  const log: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const node = createNode({ storage: new MemoryStorage(), auditDirectory: undefined, seals: [], log });
  try {
    const { shares } = await node.state.initialize({ shares: 1, threshold: 1 });
    await node.state.submitKey(shares[0]?.toString('hex') ?? '');
    const mounts = node.state.core?.mounts;
    if (mounts === undefined) throw new Error('the node did not unseal');
    const common = {
      description: '',
      config: { defaultLeaseTtl: 0, maxLeaseTtl: 0, listingVisibility: '' },
    } as const;
    for (const type of mountTypes.engines.keys()) {
      const path = type === 'kv' ? 'secret' : type;
      await mounts.enable({ ...common, kind: 'secret', path, type, options: enabledWith[type] ?? {} });
    }
    for (const type of mountTypes.authMethods.keys()) {
      await mounts.enable({ ...common, kind: 'auth', path: type, type, options: {} });
    }
    return [intro, ...mounts.table.mounts.map(mountPart)].join('\n');
  } finally {
    await node.state.close();
  }
}

/** Where the page is kept, in the checkout. */
export const apiReferencePath = 'docs/reference/api.md';

function mountPart({ entry, endpoints }: Mount): string {
  const title = `## \`${entry.path}\` (${entry.type})\n`;
  return [title, ...endpoints.endpoints.map((endpoint) => endpointPart(entry.path, endpoint))].join('\n');
}

function endpointPart(mount: string, endpoint: Endpoint): string {
  return [
    `### \`${mount}${endpoint.pattern}\``,
    cell(endpoint.help),
    operationTable(endpoint),
    ...fieldTable(endpoint.fields),
    ...answers(endpoint),
  ]
    .join('\n\n')
    .concat('\n');
}

const methods: Readonly<Record<EndpointOperation, string>> = {
  read: 'GET',
  list: 'LIST',
  scan: 'SCAN',
  update: 'POST',
  patch: 'PATCH',
  delete: 'DELETE',
};

function operationsOf({ operations }: Endpoint): readonly (readonly [EndpointOperation, OperationSpec])[] {
  return (Object.keys(methods) as EndpointOperation[]).flatMap((operation) => {
    const spec = operations[operation];
    return spec === undefined ? [] : [[operation, spec] as const];
  });
}

function operationTable(endpoint: Endpoint): string {
  const rows = operationsOf(endpoint).map(([operation, spec]) => [
    methods[operation],
    cell(spec.summary),
    needed(operation, spec, endpoint),
  ]);
  return table(['method', '', 'needs'], rows);
}

function needed(operation: EndpointOperation, spec: OperationSpec, endpoint: Endpoint): string {
  if (spec.login === true) return spec.whileSealed === true ? 'no token; answered while sealed' : 'no token';
  if (spec.useExempt === true) return 'a token; shows only what it may use';
  const capability = operation === 'update' && endpoint.exists !== undefined ? 'create or update' : operation;
  if (spec.ownDecision === true) return 'a login that the engine lets in; policies can narrow it';
  return spec.sudo === true ? `${capability} and sudo` : capability;
}

function fieldTable(fields: Fields): readonly string[] {
  const rows = Object.entries(fields).map(([name, spec]) => {
    const marks = [spec.type, ...(spec.required ? ['required'] : []), ...(spec.sensitive ? ['secret'] : [])];
    const aliases = (spec.aliases ?? []).map((alias) => `\`${alias}\``).join(', ');
    const also = aliases === '' ? '' : ` Also sent as ${aliases}.`;
    return [`\`${name}\``, marks.join(', '), `${cell(spec.help)}${also}`];
  });
  return rows.length === 0 ? [] : [table(['field', 'type', ''], rows)];
}

function answers(endpoint: Endpoint): readonly string[] {
  return operationsOf(endpoint).flatMap(([operation, { response }]) => {
    const names = response === undefined ? [] : shownNames(response);
    return names.length === 0 ? [] : [`${methods[operation]} answers ${names.join(', ')}.`];
  });
}

function shownNames(response: ResponseSchema): readonly string[] {
  return Object.entries(response)
    .filter(([name]) => name !== '*')
    .map(([name, { sensitive }]) => `\`${name}\`${sensitive ? ' (secret)' : ''}`);
}

/** With columns as wide as their widest cell, which is how the formatter wants them. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, at) =>
    Math.max(3, head.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text, at) => text.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return [line(heads), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** Text for a table: no bar, no line end, and nothing that a page takes for a tag. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;');
}
