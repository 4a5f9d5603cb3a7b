/** The metadata service of an instance of EC2, by IMDSv2 and nothing older. Nobody answers anywhere else. */

type Environment = Readonly<Record<string, string | undefined>>;

/** Milliseconds for one question: the service is on the instance itself, and answers at once. */
const patience = 1_000;
/** Bytes. The longest of what is asked for, signed data in base64, has some 2,000. */
const longestAnswer = 32 * 1024;

/** What one session with the service answers; undefined for a path that there is not. */
export type InstanceMetadata = (path: string) => Promise<string | undefined>;

/**
 * Undefined anywhere else than on an instance, and where the service is switched off. Asks nobody under AWS_EC2_METADATA_DISABLED; asks
 * AWS_EC2_METADATA_SERVICE_ENDPOINT where that is set, else the address of AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE (IPv4, IPv6), as
 * AWS's own tools do.
 */
export async function instanceMetadata(env: Environment): Promise<InstanceMetadata | undefined> {
  if (env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true') return undefined;
  const endpoint = endpointOf(env);
  const token = await ask(`${endpoint}/latest/api/token`, 'PUT', {
    'x-aws-ec2-metadata-token-ttl-seconds': '60',
  });
  if (token === undefined || token === '') return undefined;
  return (path) => ask(`${endpoint}/latest/${path}`, 'GET', { 'x-aws-ec2-metadata-token': token });
}

function endpointOf(env: Environment): string {
  const said = env['AWS_EC2_METADATA_SERVICE_ENDPOINT'];
  if (said) return said.replace(/\/$/, '');
  const isSix = env['AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE']?.toLowerCase() === 'ipv6';
  return isSix ? 'http://[fd00:ec2::254]' : 'http://169.254.169.254';
}

/** Without the white space around it. */
async function ask(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(patience);
    const answer = await fetch(url, { method, headers, signal, redirect: 'error' });
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of answer.body ?? []) {
      length += chunk.length;
      if (length > longestAnswer) return undefined;
      chunks.push(chunk);
    }
    return answer.ok ? Buffer.concat(chunks).toString('utf8').trim() : undefined;
  } catch {
    return undefined;
  }
}
