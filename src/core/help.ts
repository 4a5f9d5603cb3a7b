/** `?help=1`: what the declarations say, for people. */
import type { Endpoint } from './endpoint.ts';
import type { RouteMatch } from './mount/table.ts';
import { openApiExcerpt } from './openapi/document.ts';
import type { Answer } from './request.ts';

export function helpAnswer(endpoint: Endpoint | undefined, route: RouteMatch): Answer {
  const help = endpoint === undefined ? mountHelp(route) : endpointHelp(endpoint);
  const described = endpoint === undefined ? route.mount.endpoints.endpoints : [endpoint];
  const openapi = openApiExcerpt(route.mount, described);
  return { kind: 'plain', status: 200, body: { help, see_also: null, openapi } };
}

function mountHelp(route: RouteMatch): string {
  const lines = route.mount.endpoints.endpoints.map(({ pattern, help }) => `    ${pattern}\n        ${help}`);
  return `${route.mount.entry.type} at ${route.mount.entry.path}\n\n${lines.join('\n')}\n`;
}

function endpointHelp(endpoint: Endpoint): string {
  const fields = Object.entries(endpoint.fields).map(
    ([name, { type, help }]) => `    ${name} (${type})\n        ${help}`,
  );
  const operations = Object.entries(endpoint.operations).map(
    ([name, spec]) => `    ${name}: ${spec?.summary ?? ''}`,
  );
  return [`${endpoint.pattern}\n\n${endpoint.help}`, operations.join('\n'), fields.join('\n')].join('\n\n');
}
