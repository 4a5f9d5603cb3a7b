/** A request to STS for one's own identity, signed and not sent: whoever is given it can ask STS who signed it, and nothing else. */
import { AwsError } from './aws-error.ts';
import type { AwsOptions } from './aws-options.ts';
import { LazyClient } from './client-config.ts';

export interface SignedIdentity {
  readonly method: string;
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The parts of the SDK's own requests that are looked at. */
interface Outgoing {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly body?: unknown;
  readonly headers: Record<string, string>;
}

/** What the SDK adds for its own statistics; Vault takes no such header. */
const statistics = /^(?:amz-sdk-.*|x-amz-user-agent)$/;

/**
 * With the credentials that the SDK's default chain finds; without a region the one of STS's first endpoint. Rejects with `AwsError`,
 * or with `invalid_request` for options that cannot be.
 *
 * @param headers besides the usual ones, to be signed with them
 */
export async function signIdentityRequest(
  options: AwsOptions,
  headers: Readonly<Record<string, string>>,
): Promise<SignedIdentity> {
  try {
    return await sign(options, headers);
  } catch (error) {
    if (!(error instanceof AwsError) || error.reason !== 'no-region') throw error;
    return sign({ ...options, region: 'us-east-1' }, headers);
  }
}

async function sign(options: AwsOptions, headers: Readonly<Record<string, string>>): Promise<SignedIdentity> {
  const sts = new LazyClient(
    options,
    { service: 'STS', env: 'STS' },
    () => import('@aws-sdk/client-sts'),
    (sdk, config) => new sdk.STSClient(config),
  );
  const about = { action: 'sts:GetCallerIdentity', resource: 'your own identity' };
  try {
    return await sts.call(about, async ({ sdk, client }, abortSignal) => {
      let signed: SignedIdentity | undefined;
      client.middlewareStack.addRelativeTo(
        <Step extends { readonly request: unknown }, Done>(next: (step: Step) => Done) =>
          (step: Step): Done => {
            const request = step.request as Outgoing;
            for (const name of Object.keys(request.headers))
              if (statistics.test(name.toLowerCase())) delete request.headers[name];
            Object.assign(request.headers, headers);
            return next(step);
          },
        { relation: 'before', toMiddleware: 'httpSigningMiddleware', name: 'cofferOwnHeaders' },
      );
      client.middlewareStack.add(
        // Nothing is sent: the request is what was wanted.
        () => async (step) => {
          signed = asSigned(step.request as Outgoing);
          return { output: { $metadata: {} }, response: {} };
        },
        { step: 'deserialize', priority: 'high', name: 'cofferKeepsTheRequest' },
      );
      await client.send(new sdk.GetCallerIdentityCommand({}), { abortSignal });
      if (signed === undefined) throw new AwsError('aws-fault', 'the AWS SDK signed no request');
      return signed;
    });
  } finally {
    sts.close();
  }
}

function asSigned({ method, protocol, hostname, port, path, body, headers }: Outgoing): SignedIdentity {
  const host = port === undefined ? hostname : `${hostname}:${port}`;
  return { method, url: `${protocol}//${host}${path}`, body: String(body), headers: { ...headers } };
}
