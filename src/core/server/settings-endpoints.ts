/** `sys/config/cors`, `sys/config/auditing/request-headers` and `sys/config/ui/headers`. */
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint } from '../endpoint.ts';
import type { AnswerData } from '../request.ts';
import { noCors, parseCors, standardHeaders } from './cors.ts';
import { parseHeaderName } from './request-headers.ts';
import type { ServerSettings } from './settings.ts';

export function settingsEndpoints(settings: () => ServerSettings): readonly Endpoint[] {
  return [
    cors(settings),
    allAuditedHeaders(settings),
    oneAuditedHeader(settings),
    allConsoleHeaders(settings),
    oneConsoleHeader(settings),
  ];
}

function cors(settings: () => ServerSettings): Endpoint {
  return coreEndpoint({
    pattern: 'config/cors',
    help: 'Says which other origins’ pages may call this server from a browser; nobody’s, unless it is set.',
    fields: {
      allowed_origins: { type: 'list', help: 'Origins such as https://console.example.com, or * alone.' },
      allowed_headers: { type: 'list', help: 'Request headers besides the usual ones.' },
      allow_credentials: { type: 'bool', help: 'Pages may send a browser’s credentials; not with *.' },
    },
    operations: {
      read: {
        summary: 'Show which origins are allowed',
        sudo: true,
        repeatData: true,
        response: {
          enabled: { type: 'bool' },
          allowed_origins: { type: 'list', optional: true },
          allowed_headers: { type: 'list', optional: true },
          allow_credentials: { type: 'bool', optional: true },
        },
        handle: async () => {
          const { enabled, allowedOrigins, allowedHeaders, allowCredentials } = settings().cors;
          if (!enabled) return { data: { enabled } };
          return {
            data: {
              enabled,
              allowed_origins: allowedOrigins,
              allowed_headers: [...standardHeaders, ...allowedHeaders],
              allow_credentials: allowCredentials,
            },
          };
        },
      },
      update: {
        summary: 'Allow origins',
        sudo: true,
        spendsFirst: true,
        handle: async ({ fields }) => {
          const { allowed_origins: origins = [], allowed_headers: headers = [] } = fields;
          const extra = headers.filter((name) => !standardHeaders.includes(name.toLowerCase()));
          const credentials = fields.allow_credentials ?? false;
          await settings().setCors(parseCors({ origins, headers: extra, credentials }));
        },
      },
      delete: {
        summary: 'Allow no other origin',
        sudo: true,
        spendsFirst: true,
        handle: async () => void (await settings().setCors(noCors)),
      },
    },
  });
}

const hmacMember = { hmac: { type: 'bool' } } as const;
const headerSchema = { '*': { type: 'object', members: hmacMember } } as const;

function allAuditedHeaders(settings: () => ServerSettings): Endpoint {
  return coreEndpoint({
    pattern: 'config/auditing/request-headers',
    help: 'Lists the headers of requests that the audit log shows.',
    fields: {},
    operations: {
      read: {
        summary: 'List audited headers',
        sudo: true,
        repeatData: true,
        response: { headers: { type: 'object', members: headerSchema } },
        handle: async () => ({ data: { headers: shownHeaders([...settings().auditedHeaders]) } }),
      },
    },
  });
}

function shownHeaders(headers: readonly (readonly [string, boolean])[]): AnswerData {
  return Object.fromEntries(headers.map(([name, hmac]) => [name, { hmac }]));
}

function oneAuditedHeader(settings: () => ServerSettings): Endpoint {
  return coreEndpoint({
    pattern: 'config/auditing/request-headers/:name',
    help: 'Has the audit log show a header of requests, or no longer.',
    foldsNames: true,
    fields: { hmac: { type: 'bool', help: 'Shown as a digest; true unless told.' } },
    operations: {
      read: {
        summary: 'Show an audited header',
        sudo: true,
        repeatData: true,
        response: headerSchema,
        handle: async ({ params }) => {
          const name = parseHeaderName(params['name'] ?? '');
          const hmac = settings().auditedHeaders.get(name);
          if (hmac === undefined) throw new CofferError('invalid_request', 'Could not find header in config');
          return { data: shownHeaders([[name, hmac]]) };
        },
      },
      update: {
        summary: 'Audit a header',
        sudo: true,
        spendsFirst: true,
        handle: async ({ params, fields }) =>
          // Vault shows values unless it is told to hash them; a value that nobody looked at is better hashed.
          void (await settings().auditHeader(parseHeaderName(params['name'] ?? ''), fields.hmac ?? true)),
      },
      delete: {
        summary: 'Audit a header no longer',
        sudo: true,
        spendsFirst: true,
        handle: async ({ params }) =>
          void (await settings().leaveHeader(parseHeaderName(params['name'] ?? ''))),
      },
    },
  });
}

function allConsoleHeaders(settings: () => ServerSettings): Endpoint {
  const list = {
    summary: 'List headers for a console',
    sudo: true,
    response: { keys: { type: 'list' } },
    handle: async () => ({
      data: { keys: (await settings().consoleHeaders()).map(([name]) => name).toSorted() },
    }),
  } as const;
  return coreEndpoint({
    pattern: 'config/ui/headers',
    help: 'Lists the headers that a console’s pages would have. There is no console: they are kept and sent nowhere.',
    fields: {},
    operations: { list },
  });
}

function oneConsoleHeader(settings: () => ServerSettings): Endpoint {
  return coreEndpoint({
    pattern: 'config/ui/headers/:name',
    help: 'Keeps a header for a console’s pages. There is no console: it is sent nowhere.',
    foldsNames: true,
    fields: {
      values: { type: 'list', help: 'Its values.' },
      multivalue: { type: 'bool', help: 'Answer all values; the first one without it.', query: true },
    },
    operations: {
      read: {
        summary: 'Show a header for a console',
        sudo: true,
        response: {
          value: { type: 'string', optional: true },
          values: { type: 'list', optional: true },
        },
        handle: async ({ params, fields }) => {
          const name = parseHeaderName(params['name'] ?? '');
          const found = (await settings().consoleHeaders()).find(([other]) => other === name);
          if (found === undefined) return undefined;
          const [, values] = found;
          return { data: fields.multivalue === true ? { values } : { value: values[0] ?? '' } };
        },
      },
      update: {
        summary: 'Set a header for a console',
        sudo: true,
        spendsFirst: true,
        handle: async ({ params, fields: { values = [] } }) => {
          const name = parseHeaderName(params['name'] ?? '');
          if (name.startsWith('x-vault-')) {
            throw new CofferError('invalid_request', 'X-Vault headers cannot be set');
          }
          if (values.length === 0) throw new CofferError('invalid_request', 'header values must be set');
          checkValues(values);
          await settings().setConsoleHeader(name, values);
        },
      },
      delete: {
        summary: 'Delete a header for a console',
        sudo: true,
        spendsFirst: true,
        handle: async ({ params }) =>
          void (await settings().setConsoleHeader(parseHeaderName(params['name'] ?? ''), null)),
      },
    },
  });
}

/** A line break in a value would be another header, or a body (RFC 9110 §5.5). */
function checkValues(values: readonly string[]): void {
  if (values.length <= 16 && values.every((value) => /^[ -~]{1,2048}$/.test(value))) return;
  throw new CofferError(
    'invalid_request',
    'values are at most 16 texts of up to 2,048 printable ASCII characters',
  );
}
