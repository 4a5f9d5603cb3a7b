import { afterEach, expect, it } from 'vitest';
import { startMetadataService } from '../../test/fakes/metadata-service.ts';
import { instanceMetadata } from './instance-metadata.ts';
import { instanceRegion } from './instance-region.ts';

const open: Disposable[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each[Symbol.dispose]();
});

async function start(answers: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
  const service = await startMetadataService(answers);
  open.push(service);
  return service.env;
}

/** A metadata service that gives a region to who has its token. */
function service(region: string): Promise<Readonly<Record<string, string>>> {
  return start({ 'meta-data/placement/region': region });
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

it('reads no more than what an instance has to say', async () => {
  const ask = await instanceMetadata(await start({ long: 'x'.repeat(100_000), short: ' x\n' }));
  expect(await ask?.('long')).toBeUndefined();
  expect(await ask?.('short')).toBe('x');
  expect(await ask?.('nothing')).toBeUndefined();
});
