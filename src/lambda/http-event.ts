/**
 * Events of payload format 2.0: a function's own URL, and HTTP APIs of API Gateway. Paths and queries come as text, and the address is
 * one that AWS has seen itself.
 */
import type { JsonObject } from '../json.ts';
import { addressOf, headersOf, member, readBody, readHeaders, text } from './event-fields.ts';
import type { Front } from './front.ts';

export const httpEvent: Front = {
  name: 'http',
  mostAnswerBytes: 5_500_000,
  takes: (event) =>
    event['version'] === '2.0' &&
    typeof member(member(event, 'requestContext'), 'http')['method'] === 'string',
  decode(event) {
    const context = member(event, 'requestContext');
    const http = member(context, 'http');
    const query = event['rawQueryString'] ?? '';
    const path = withoutStage(text(event['rawPath']), context['stage']);
    return {
      method: text(http['method']),
      target: query === '' ? path : `${path}?${text(query)}`,
      ...readHeaders(event['headers'], undefined),
      ...readBody(event),
      remoteAddress: addressOf(http['sourceIp']),
    };
  },
  encode({ status, headers, body }): JsonObject {
    return { statusCode: status, headers: headersOf(headers), body, isBase64Encoded: false };
  },
};

/** API Gateway leaves a stage's name at the beginning of the path, unless it is the default one. */
function withoutStage(path: string, stage: JsonObject[string] | undefined): string {
  if (typeof stage !== 'string' || stage === '$default') return path;
  return path.startsWith(`/${stage}/`) ? path.slice(stage.length + 1) : path;
}
