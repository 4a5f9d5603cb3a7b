/** With what a cluster's API server is asked: a token and the cluster's own certificates, in files that are renewed in place. */
import { open } from 'node:fs/promises';
import { CofferError } from '../../errors.ts';
import type { ListedCluster } from '../places.ts';

export interface ClusterAccess {
  readonly token: string;
  /** PEM: what the API server's certificate is held against, and nothing else is. */
  readonly ca: string;
}

export interface PodSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where Kubernetes puts a pod's own files; another one in tests. */
  readonly podFolder?: string;
}

const usualFolder = '/var/run/secrets/kubernetes.io/serviceaccount';
const ownNames = ['kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'];
/** Bytes. */
const longestFile = 64 * 1024;

/**
 * Read anew for each call. A pod's own token goes to the pod's own cluster alone: another one could use it there.
 *
 * @throws `invalid_request` for another cluster without files of its own, `unavailable` for files that cannot be read
 */
export async function clusterAccess(
  { host, files }: ListedCluster,
  pod: PodSurroundings,
): Promise<ClusterAccess> {
  const { podFolder = usualFolder } = pod;
  if (files === undefined && !isOwnCluster(host, pod)) {
    throw new CofferError(
      'invalid_request',
      `${host} is not the cluster that this server runs in: delivery.kubernetes has to name token and ca for it`,
    );
  }
  const { token, ca } = files ?? { token: `${podFolder}/token`, ca: `${podFolder}/ca.crt` };
  const text = (await contentOf(token, 'token')).trim();
  if (!/^[\x21-\x7e]{1,16384}$/.test(text)) {
    throw new CofferError('unavailable', `the file with the token for ${host} holds none`);
  }
  const certificates = await contentOf(ca, 'certificates');
  // An empty text would mean that everybody's certificates are trusted.
  if (!certificates.includes('-----BEGIN CERTIFICATE-----')) {
    throw new CofferError('unavailable', `the file with the certificates of ${host} holds none`);
  }
  return { token: text, ca: certificates };
}

function isOwnCluster(host: string, { env }: PodSurroundings): boolean {
  const { KUBERNETES_SERVICE_HOST: own = '', KUBERNETES_SERVICE_PORT: port = '443' } = env;
  const address = `https://${own.includes(':') ? `[${own}]` : own}:${port}`;
  return ownNames.includes(host) || (own !== '' && URL.canParse(address) && new URL(address).host === host);
}

async function contentOf(path: string, what: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(longestFile);
      const { bytesRead } = await file.read(buffer, 0, longestFile, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    const code =
      error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
    throw new CofferError('unavailable', `a file with the ${what} of a cluster cannot be read (${code})`);
  }
}
