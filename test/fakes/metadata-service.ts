/** The metadata service of an instance: answers whoever has its token (IMDSv2), and what a test gives it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface MetadataService extends Disposable {
  /** What a program needs to find it. */
  readonly env: Readonly<Record<string, string>>;
}

/** @param answers by path below `/latest/` */
export async function startMetadataService(
  answers: Readonly<Record<string, string>>,
): Promise<MetadataService> {
  const server = createServer((request, response) => {
    if (request.method === 'PUT') return void response.end('the token');
    if (request.headers['x-aws-ec2-metadata-token'] !== 'the token')
      return void response.writeHead(401).end();
    const answer = answers[(request.url ?? '').replace('/latest/', '')];
    response.writeHead(answer === undefined ? 404 : 200).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${port}` },
    [Symbol.dispose]: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
