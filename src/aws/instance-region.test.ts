import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { instanceRegion } from './instance-region.ts';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A metadata service that gives a region to who has its token. */
async function service(region: string): Promise<Record<string, string>> {
  const server = createServer((request, response) => {
    if (request.method === 'PUT') return void response.end('the token');
    const known = request.headers['x-aws-ec2-metadata-token'] === 'the token';
    response.writeHead(known ? 200 : 401).end(known ? region : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

it('says where the instance is, by a token', async () => {
  expect(await instanceRegion(await service('eu-central-1'))).toBe('eu-central-1');
});

it.each(['', 'x.example/', '<html>'])('says nothing for what is no region: %j', async (answer) => {
  expect(await instanceRegion(await service(answer))).toBeUndefined();
});

it('asks nobody where that is switched off, and says nothing where nobody answers', async () => {
  const env = { ...(await service('eu-central-1')), AWS_EC2_METADATA_DISABLED: 'true' };
  expect(await instanceRegion(env)).toBeUndefined();
  expect(await instanceRegion({ AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' })).toBeUndefined();
});
