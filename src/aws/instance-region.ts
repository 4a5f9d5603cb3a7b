/** Which region an instance of EC2 is in, as its metadata service says: for programs that nobody has told. IMDSv2 only. */

const usualEndpoint = 'http://169.254.169.254';
/** Milliseconds; nobody answers anywhere else than on an instance, and there at once. */
const patience = 1_000;

/**
 * Undefined anywhere else, where the service is switched off, and for an answer that is no region. Asks nobody under
 * AWS_EC2_METADATA_DISABLED.
 */
export async function instanceRegion(
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  if (env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true') return undefined;
  const endpoint = (env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] || usualEndpoint).replace(/\/$/, '');
  try {
    const token = await ask(`${endpoint}/latest/api/token`, 'PUT', {
      'x-aws-ec2-metadata-token-ttl-seconds': '60',
    });
    const region = await ask(`${endpoint}/latest/meta-data/placement/region`, 'GET', {
      'x-aws-ec2-metadata-token': token,
    });
    return /^[a-z]{2}[a-z0-9-]{1,40}$/.test(region) ? region : undefined;
  } catch {
    return undefined;
  }
}

async function ask(url: string, method: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const signal = AbortSignal.timeout(patience);
  const answer = await fetch(url, { method, headers, signal, redirect: 'error' });
  const text = await answer.text();
  return answer.ok ? text.trim() : '';
}
