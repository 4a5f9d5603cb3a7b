/** Events of payload format 1.0: REST APIs of API Gateway. They bring the query decoded, which is undone: it is decoded once, and by us. */
import type { JsonObject } from '../json.ts';
import { addressOf, headersOf, member, readBody, readHeaders, text, valuesOf } from './event-fields.ts';
import type { Front } from './front.ts';

export const restEvent: Front = {
  name: 'rest',
  mostAnswerBytes: 5_500_000,
  takes: (event) =>
    typeof event['httpMethod'] === 'string' &&
    typeof event['resource'] === 'string' &&
    typeof member(member(event, 'requestContext'), 'identity')['sourceIp'] === 'string',
  decode(event) {
    const query = valuesOf(event['queryStringParameters'], event['multiValueQueryStringParameters'])
      .flatMap(([name, values]) =>
        values.map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
      )
      .join('&');
    const path = text(event['path']);
    return {
      method: text(event['httpMethod']),
      target: query === '' ? path : `${path}?${query}`,
      ...readHeaders(event['headers'], event['multiValueHeaders']),
      ...readBody(event),
      remoteAddress: addressOf(member(member(event, 'requestContext'), 'identity')['sourceIp']),
    };
  },
  encode({ status, headers, body }): JsonObject {
    return { statusCode: status, headers: headersOf(headers), body, isBase64Encoded: false };
  },
};
