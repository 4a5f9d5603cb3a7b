/**
 * An Application Load Balancer whose target is the function. It hands paths and queries on as they were sent, without decoding them,
 * bodies of types that it does not know as text in base64, and whom it heard from as the last entry of `X-Forwarded-For`.
 */
import { trustProxies } from '../http/forwarded.ts';
import { statusText } from '../http/status-text.ts';
import type { JsonObject } from '../json.ts';
import { headersOf, member, readBody, readHeaders, text, valuesOf } from './event-fields.ts';
import type { Front } from './front.ts';

/** Health checks come from the load balancer itself, which names nobody then. No network that a token is bound to holds this one. */
const nobody = '0.0.0.0';
/** Whom the load balancer heard from is behind the one hop that it is. */
const balancer = trustProxies([nobody]);

export const alb: Front = {
  name: 'alb',
  // 1 MB in JSON, in which some characters take two and more.
  mostAnswerBytes: 900_000,
  takes: (event) => typeof member(member(event, 'requestContext'), 'elb')['targetGroupArn'] === 'string',
  decode(event) {
    const read = readHeaders(event['headers'], event['multiValueHeaders']);
    const query = valuesOf(event['queryStringParameters'], event['multiValueQueryStringParameters'])
      .flatMap(([name, values]) => values.map((value) => `${name}=${value}`))
      .join('&');
    const path = text(event['path']);
    return {
      method: text(event['httpMethod']),
      target: query === '' ? path : `${path}?${query}`,
      ...read,
      ...readBody(event),
      remoteAddress: balancer.clientOf(nobody, read.headers['x-forwarded-for']),
    };
  },
  encode({ status, headers, body }, event): JsonObject {
    const named = headersOf(headers);
    // The answer's form has to be the request's.
    const form =
      event['multiValueHeaders'] === undefined
        ? { headers: named }
        : {
            multiValueHeaders: Object.fromEntries(
              Object.entries(named).map(([name, value]) => [name, [value]]),
            ),
          };
    return {
      statusCode: status,
      statusDescription: statusText(status),
      ...form,
      body,
      isBase64Encoded: false,
    };
  },
};
