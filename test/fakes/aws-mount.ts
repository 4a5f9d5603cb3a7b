/** A node with an engine `aws` on moto: what tests of the engine begin with. */
import type { AwsPlaces } from '../../src/aws/aws-places.ts';
import { awsCredentials } from '../../src/engine/aws/aws.ts';
import type { OpenServices } from '../../src/engine/aws/clients.ts';
import type { EngineType } from '../../src/engine/engine.ts';
import type { JsonObject } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import type { Letter } from '../../src/notifier/notifier.ts';
import { aliasedType } from './aliased-method.ts';
import { AwsCloud, type Keys } from './aws-cloud.ts';
import { ask, makePlace, type Place, type PlaceOptions, tokenOf, writePolicy } from './client.ts';
import { HandClock } from './hand-clock.ts';
import { Sinks } from './sink-notifier.ts';

export interface AwsMount {
  readonly store: Place;
  readonly node: CofferNode;
  readonly cloud: AwsCloud;
  readonly sinks: Sinks;
  /** The user that the mount asks as. */
  readonly root: Keys & { readonly name: string };
  remove(): Promise<void>;
}

export interface AwsMountOptions extends PlaceOptions {
  readonly places?: Partial<AwsPlaces>;
  readonly open?: OpenServices;
  /** Nobody can be told of anything. */
  readonly mute?: true;
}

let mounts = 0;

/** The engine on a server that can tell nobody. */
function muteType(type: EngineType): EngineType {
  return {
    ...type,
    create({ notices: _, ...environment }) {
      return type.create(environment);
    },
  };
}

/** `aws/` with a `config/root` of a user of its own. */
export async function awsMount(
  endpoint: string,
  { places, open, mute, ...options }: AwsMountOptions = {},
): Promise<AwsMount> {
  const cloud = new AwsCloud({ endpoint });
  const name = `root-${mounts++}-${process.pid}`;
  const keys = await cloud.makeUser(name);
  const sinks = new Sinks();
  const notifiers = { types: new Map([['sink', sinks.type]]), configured: [] };
  const type = awsCredentials({ env: {}, endpoints: [endpoint], profiles: [], ...places }, open);
  // AWS has a clock of its own, by which it tells how old keys are.
  const clock = new HandClock(Math.floor(Date.now() / 1_000) * 1_000);
  const store = await makePlace({
    authMethods: [aliasedType],
    clock,
    notifiers,
    engines: [mute ? muteType(type) : type],
    ...options,
  });
  const node = await store.node();
  await written(node, 'sys/mounts/aws', { type: 'aws' });
  await written(node, 'sys/auth/people', { type: 'aliased' });
  await writePolicy(node, 'all', 'path "*" { capabilities = ["create", "read", "update"] }');
  await written(node, 'aws/config/root', {
    access_key: keys.accessKey,
    secret_key: keys.secretKey,
    iam_endpoint: endpoint,
    sts_endpoint: endpoint,
    region: 'eu-central-1',
  });
  return {
    store,
    node,
    cloud,
    sinks,
    root: { ...keys, name },
    remove: () => store.remove(),
  };
}

/** Writes, and throws unless it was taken. */
export async function written(node: CofferNode, path: string, data: JsonObject = {}): Promise<void> {
  const { status, errors } = await ask(node, 'update', path, data);
  if (status !== 204 && status !== 200) throw new Error(`${path}: ${status} ${errors.join()}`);
}

/** Somebody of this name is told everything. */
export async function tellEverything({ node }: AwsMount, name: string): Promise<void> {
  await written(node, `sys/notifiers/${name}`, { type: 'sink', options: { to: name } });
}

/** The letters that somebody got, once there are so many. */
export async function lettersOf(
  { sinks }: AwsMount,
  name: string,
  count: number,
): Promise<readonly Letter[]> {
  for (let turns = 0; turns < 10_000 && sinks.letters(name).length < count; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return sinks.letters(name);
}

/** The token of somebody of whom the auth method says this. */
export async function loggedIn({ node }: AwsMount, said: JsonObject, policies = 'all'): Promise<string> {
  return tokenOf(await ask(node, 'update', 'auth/people/login', { alias: 'ann', said, policies }, null));
}

/** Awaits something that pauses on the way, and lets its pauses pass. */
export async function withPausesPassing<T>(clock: HandClock, work: Promise<T>): Promise<T> {
  let settled = false;
  const done = work.finally(() => {
    settled = true;
  });
  // Slowly beside the calls on the way, so that no limit of theirs passes with the pauses.
  for (let turns = 1; !settled; turns++) {
    if (turns % 1_000 === 0) clock.advance(0.25);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return done;
}
