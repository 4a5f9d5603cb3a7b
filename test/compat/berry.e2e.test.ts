/** berry 1.0.28, unmodified, and `coffer berry` at one bucket: the same words, the same files, the same exit codes; and where they differ on purpose. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, type TestContext } from 'vitest';
import {
  cleanUp,
  program as coffer,
  freshPlace,
  type Outcome,
  type Place,
  runProgram,
} from '../e2e/server-process.ts';
import { makeBucket } from '../fakes/faulty-s3.ts';
import { putObject } from '../fakes/s3-objects.ts';
import { type Moto, resetMoto, startMoto } from '../setup/moto.ts';
import { need } from '../setup/need.ts';

const bucket = 'org-stups-mint-123456789012-eu-west-1';
const user = '{"application_username":"stups_shop","application_password":"pässwörd ✓"}';
const client = '{"client_id":"stups_shop_1","client_secret":"cl13nt"}';

let moto: Moto | undefined;
beforeAll(async () => {
  moto = await startMoto();
}, 300_000);
afterAll(async () => {
  await moto?.close();
  await cleanUp();
});

let place: Place;
beforeEach(async (context) => {
  if (moto === undefined) return context.skip('moto is missing');
  await resetMoto(moto);
  await makeBucket(moto.endpoint, bucket);
  place = freshPlace();
});

interface Side {
  readonly directory: string;
  run(...words: readonly string[]): Promise<Outcome>;
}

interface Sides {
  readonly theirs: Side;
  readonly ours: Side;
}

/** Each with a directory of its own; `OUT` in the words stands for it. */
function sides(context: TestContext, more: Readonly<Record<string, string>> = {}): Sides {
  const berry = need(context, 'berry');
  const env = { ...place.env, ...moto?.env, LC_ALL: 'C.UTF-8', ...more };
  const side = (name: string, command: string, first: readonly string[], own = {}): Side => {
    const directory = join(place.home, name);
    mkdirSync(directory);
    const filled = (words: readonly string[]) => words.map((word) => word.replace('OUT', directory));
    return {
      directory,
      run: (...words) =>
        runProgram(command, [...first, ...filled(words)], { ...env, ...own }, undefined, place.home),
    };
  };
  // What a later PyYAML wants to be told, without which berry reads no file at all.
  const python = join(place.home, 'python');
  mkdirSync(python);
  writeFileSync(
    join(python, 'sitecustomize.py'),
    'import yaml\nload = yaml.load\nyaml.load = lambda stream, Loader=yaml.SafeLoader: load(stream, Loader)\n',
  );
  return {
    theirs: side('theirs', berry, [], { PYTHONPATH: python }),
    ours: side('ours', process.execPath, [coffer, 'berry']),
  };
}

async function put(name: string, text: string): Promise<void> {
  await putObject(moto?.endpoint ?? '', bucket, `shop/${name}.json`, text);
}

const seen = ({ directory }: Side) =>
  Object.fromEntries(
    readdirSync(directory)
      .toSorted()
      .map((name) => [name, readFileSync(join(directory, name), 'utf8')]),
  );

/** One after the other, so that neither waits for the other's processor. */
async function both(
  { theirs, ours }: Sides,
  ...words: readonly string[]
): Promise<readonly [Outcome, Outcome]> {
  const outcomes = [await theirs.run(...words), await ours.run(...words)] as const;
  expect({ code: outcomes[1].code, files: seen(ours) }).toEqual({
    code: outcomes[0].code,
    files: seen(theirs),
  });
  return outcomes;
}

const flags = ['-a', 'shop', '-m', bucket, '--once'] as const;

it('both copy the files, and leave them alone the next time', async (context) => {
  const pair = sides(context);
  await put('user', user);
  await put('client', client);
  const [, first] = await both(pair, ...flags, 'OUT');
  expect(first).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringContaining(
      'INFO: Rotated user credentials for shop\nINFO: Rotated client credentials for shop\n',
    ),
  });
  expect(seen(pair.ours)).toEqual({ 'user.json': user, 'client.json': client });
  const modes = [pair.theirs, pair.ours].map(({ directory }) => statSync(join(directory, 'user.json')).mode);
  expect(modes[0]).toBe(modes[1]);
  for (const { directory } of [pair.theirs, pair.ours]) utimesSync(join(directory, 'user.json'), 1, 1);
  // The same data in another spelling is the same.
  await put('user', JSON.stringify(JSON.parse(user), null, 2));
  await put('client', '{"client_id":"stups_shop_2","client_secret":null}');
  const [theirs, ours] = await both(pair, ...flags, '-s', 'OUT');
  expect([theirs.stderr, ours.stderr]).toEqual([expect.not.stringContaining('INFO'), '']);
  for (const { directory } of [pair.theirs, pair.ours])
    expect(statSync(join(directory, 'user.json')).mtimeMs).toBe(1_000);
});

it('both keep what is there where a file is missing or broken, and say so', async (context) => {
  const pair = sides(context);
  await put('user', user);
  const [theirs, ours] = await both(pair, ...flags, 'OUT');
  expect(ours.code).toBe(1);
  for (const { stderr } of [theirs, ours])
    expect(stderr).toContain(`Credentials file "shop/client.json" not found in mint S3 bucket "${bucket}"`);
  await put('user', '{"application_username": ');
  await put('client', '');
  expect((await both(pair, ...flags, 'OUT'))[1].code).toBe(1);
  expect(seen(pair.ours)).toEqual({ 'user.json': user });
});

it('threat 16: both say nothing of what a broken object holds', async (context) => {
  const pair = sides(context);
  await put('user', '{"application_password": canary-of-a-password}');
  await put('client', client);
  const { stderr, code } = await pair.ours.run(...flags, 'OUT');
  expect(code).toBe(1);
  expect(stderr).toContain('ERROR: Failed to download user credentials');
  expect(stderr).not.toContain('canary');
});

it('both read the configuration file and the file of keys', async (context) => {
  const pair = sides(context, { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' });
  await put('user', user);
  await put('client', client);
  const config = join(place.home, 'taupage.yaml');
  writeFileSync(
    config,
    `application_id: shop\nmint_bucket: ${bucket}\nruntime: Docker\nports: {8080: 8080}\n`,
  );
  const keys = join(place.home, 'keys');
  writeFileSync(keys, '# other:a:b\n\nother:AKIAOTHER:x\nshop:AKIAIOSFODNN7EXAMPLE:secret\n');
  const [, first] = await both(pair, '-f', config, '-c', keys, '--once', 'OUT');
  expect(first.code).toBe(0);
  writeFileSync(keys, 'other:AKIAOTHER:x\n');
  const [theirs, ours] = await both(pair, '-f', config, '-c', keys, '--once', 'OUT');
  for (const { stderr } of [theirs, ours])
    expect(stderr).toContain(`No AWS credentials found for application "shop" in ${keys}`);
  expect(ours.code).toBe(1);
});

it.for([
  ['no directory', [], 2],
  ['no application', ['-f', '/nowhere.yaml', '--once', 'OUT'], 1],
  ['no bucket', ['-f', '/nowhere.yaml', '-a', 'shop', '--once', 'OUT'], 1],
  ['an interval that is none', ['-i', 'often', ...flags, 'OUT'], 2],
  ['an unknown option', ['--never', 'OUT'], 2],
  ['too many words', [...flags, 'OUT', 'more'], 2],
  ['a directory that is not there', [...flags, '/nowhere/at/all'], 1],
  ['help', ['-h'], 0],
] as const)('both end alike: %s', async ([, words, code], context) => {
  const pair = sides(context);
  await put('user', user);
  await put('client', client);
  expect((await both(pair, ...words))[1].code).toBe(code);
});

it('a link named berry is berry', async (context) => {
  const { ours } = sides(context);
  await put('user', user);
  await put('client', client);
  const link = join(place.home, 'berry');
  symlinkSync(coffer, link);
  const outcome = await runProgram(process.execPath, [link, ...flags, ours.directory], {
    ...place.env,
    ...moto?.env,
  });
  expect(outcome.code).toBe(0);
  expect(Object.keys(seen(ours))).toEqual(['client.json', 'user.json']);
});

it('another than berry: a file that somebody tightened stays so', async (context) => {
  const pair = sides(context);
  await put('client', client);
  await put('user', user);
  for (const { directory } of [pair.theirs, pair.ours]) {
    writeFileSync(join(directory, 'user.json'), '{}');
    chmodSync(join(directory, 'user.json'), 0o600);
  }
  await both(pair, ...flags, 'OUT');
  const mode = ({ directory }: Side) => statSync(join(directory, 'user.json')).mode & 0o777;
  expect([mode(pair.theirs), mode(pair.ours)]).toEqual([0o644, 0o600]);
});

it('another than berry: --once never ends well with nothing written', async (context) => {
  const stubborn = await refusing(
    '<Error><Code>InvalidRequest</Code><Message>The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.</Message></Error>',
  );
  try {
    const { port } = stubborn.address() as AddressInfo;
    const pair = sides(context, { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` });
    const theirs = await pair.theirs.run(...flags, 'OUT');
    const ours = await pair.ours.run(...flags, 'OUT');
    expect([theirs.code, ours.code]).toEqual([0, 1]);
    expect([seen(pair.theirs), seen(pair.ours)]).toEqual([{}, {}]);
  } finally {
    stubborn.close();
  }
});

/** An S3 that refuses everything alike. */
async function refusing(body: string): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(400, { 'Content-Type': 'application/xml' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

it('a leftover of a round that was cut off is in nobody’s way', async (context) => {
  const pair = sides(context);
  await put('user', user);
  await put('client', client);
  for (const { directory } of [pair.theirs, pair.ours])
    writeFileSync(join(directory, 'user.json.tmp'), 'half');
  await both(pair, ...flags, 'OUT');
  expect(existsSync(join(pair.ours.directory, 'user.json.tmp'))).toBe(false);
});

it('threat 12: another than berry: what is written follows no link', async (context) => {
  const pair = sides(context);
  await put('user', user);
  await put('client', client);
  const victim = join(place.home, 'victim');
  writeFileSync(victim, 'precious');
  symlinkSync(victim, join(pair.ours.directory, 'user.json.tmp'));
  expect((await pair.ours.run(...flags, 'OUT')).code).toBe(0);
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  expect(readFileSync(join(pair.ours.directory, 'user.json'), 'utf8')).toBe(user);
});
