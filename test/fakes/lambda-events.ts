/** Events as AWS makes them; those of load balancers and API Gateway have the members of the examples in AWS's manuals. */
import type { JsonObject } from '../../src/json.ts';

export interface Asked {
  readonly method?: string;
  /** As the client wrote it, query and all. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The client's. */
  readonly from?: string;
}

const client = '203.0.113.7';

function parts(target: string): { readonly path: string; readonly query: string } {
  const [path = '', query = ''] = target.split('?', 2);
  return { path, query };
}

function pairs(query: string): readonly (readonly [string, string])[] {
  return query === ''
    ? []
    : query.split('&').map((pair) => {
        const [name = '', value = ''] = pair.split('=', 2);
        return [name, value] as const;
      });
}

function lists(list: readonly (readonly [string, string])[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const [name, value] of list) found[name] = [...(found[name] ?? []), value];
  return found;
}

/** Of a load balancer whose target group has one value for each header. */
export function albEvent({
  method = 'GET',
  target,
  headers = {},
  body = '',
  from = client,
}: Asked): JsonObject {
  const { path, query } = parts(target);
  return {
    requestContext: {
      elb: {
        targetGroupArn:
          'arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/coffer/49e9d65c45c6791a',
      },
    },
    httpMethod: method,
    path,
    queryStringParameters: Object.fromEntries(pairs(query)),
    headers: {
      accept: '*/*',
      'content-length': String(Buffer.byteLength(body)),
      host: 'coffer.example.com',
      'user-agent': 'curl/8.5.0',
      'x-amzn-trace-id': 'Root=1-5c536348-3d683b8b04734faae651f476',
      'x-forwarded-for': from,
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
      ...headers,
    },
    body,
    isBase64Encoded: false,
  };
}

/** Of one with `lambda.multi_value_headers.enabled`. */
export function albMultiEvent(asked: Asked): JsonObject {
  const { headers, queryStringParameters: _, ...rest } = albEvent(asked);
  return {
    ...rest,
    multiValueHeaders: lists(Object.entries(headers as Record<string, string>)),
    multiValueQueryStringParameters: lists(pairs(parts(asked.target).query)),
  };
}

/** The load balancer's own, which comes from nobody. */
export const albHealthCheck: JsonObject = {
  requestContext: {
    elb: {
      targetGroupArn:
        'arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/coffer/49e9d65c45c6791a',
    },
  },
  httpMethod: 'GET',
  path: '/v1/sys/health',
  queryStringParameters: { standbyok: 'true' },
  headers: { 'user-agent': 'ELB-HealthChecker/2.0' },
  body: '',
  isBase64Encoded: false,
};

/** Of a function URL; HTTP APIs of API Gateway have the same form. */
export function urlEvent({ method = 'GET', target, headers = {}, body, from = client }: Asked): JsonObject {
  const { path, query } = parts(target);
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query,
    cookies: ['session=of-somebody-else'],
    headers: {
      accept: '*/*',
      host: 'abcdefghijklmnop.lambda-url.eu-central-1.on.aws',
      'user-agent': 'curl/8.5.0',
      'x-forwarded-for': '198.51.100.99',
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
      ...headers,
    },
    requestContext: {
      accountId: 'anonymous',
      apiId: 'abcdefghijklmnop',
      domainName: 'abcdefghijklmnop.lambda-url.eu-central-1.on.aws',
      domainPrefix: 'abcdefghijklmnop',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: from, userAgent: 'curl/8.5.0' },
      requestId: '0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0',
      routeKey: '$default',
      stage: '$default',
      time: '22/Nov/2026:01:36:00 +0000',
      timeEpoch: 1_795_311_360_000,
    },
    ...(body === undefined
      ? { isBase64Encoded: false }
      : { body: Buffer.from(body).toString('base64'), isBase64Encoded: true }),
  };
}

/** Of a REST API of API Gateway, which decodes queries. */
export function restEvent({ method = 'GET', target, headers = {}, body, from = client }: Asked): JsonObject {
  const { path, query } = parts(target);
  const decoded = pairs(query).map(([name, value]): [string, string] => [
    decodeURIComponent(name),
    decodeURIComponent(value),
  ]);
  const sent = { Host: 'a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com', ...headers };
  return {
    resource: '/{proxy+}',
    path,
    httpMethod: method,
    headers: sent,
    multiValueHeaders: lists(Object.entries(sent)),
    queryStringParameters: decoded.length === 0 ? null : Object.fromEntries(decoded),
    multiValueQueryStringParameters: decoded.length === 0 ? null : lists(decoded),
    pathParameters: { proxy: path.slice(1) },
    stageVariables: null,
    requestContext: {
      resourceId: '123456',
      resourcePath: '/{proxy+}',
      httpMethod: method,
      path: `/prod${path}`,
      stage: 'prod',
      apiId: 'a1b2c3d4e5',
      identity: { sourceIp: from, userAgent: 'curl/8.5.0' },
      requestId: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef',
    },
    body: body ?? null,
    isBase64Encoded: false,
  };
}

/** The scheduler's. */
export function dutyEvent(time: number, duty = 'due'): JsonObject {
  return { source: 'coffer.duties', duty, time: new Date(time).toISOString() };
}
