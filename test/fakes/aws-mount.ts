/** A node with an engine `aws` on moto: what tests of the engine begin with. */
import type { AwsPlaces } from '../../src/aws/aws-places.ts';
import type { Notice, Notices } from '../../src/core/notices.ts';
import { awsCredentials } from '../../src/engine/aws/aws.ts';
import type { OpenServices } from '../../src/engine/aws/clients.ts';
import type { EngineType } from '../../src/engine/engine.ts';
import { CofferError } from '../../src/errors.ts';
import type { JsonObject } from '../../src/json.ts';
import type { CofferNode } from '../../src/main/node.ts';
import { AwsCloud, type Keys } from './aws-cloud.ts';
import { ask, makePlace, type Place, type PlaceOptions } from './client.ts';
import { HandClock } from './hand-clock.ts';

/** Keeps what it is told, and refuses what a test says. */
export class RecordedNotices implements Notices {
  readonly posted: Notice[] = [];
  readonly demanded: { readonly notice: Notice; readonly notifiers: readonly string[] }[] = [];
  refuses: string | undefined;
  /** What `post` throws. */
  failure: Error | undefined;

  async post(notice: Notice): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.posted.push(notice);
  }

  async demand(notice: Notice, notifiers: readonly string[]): Promise<void> {
    this.demanded.push({ notice, notifiers });
    if (this.refuses !== undefined) throw new CofferError('unavailable', this.refuses);
  }
}

export interface AwsMount {
  readonly store: Place;
  readonly node: CofferNode;
  readonly cloud: AwsCloud;
  readonly notices: RecordedNotices;
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

/** The engine with everybody told by `notices`. */
export function toldType(type: EngineType, notices: Notices): EngineType {
  return { ...type, create: (environment) => type.create({ ...environment, notices }) };
}

/** `aws/` with a `config/root` of a user of its own. */
export async function awsMount(
  endpoint: string,
  { places, open, mute, ...options }: AwsMountOptions = {},
): Promise<AwsMount> {
  const cloud = new AwsCloud({ endpoint });
  const name = `root-${mounts++}-${process.pid}`;
  const keys = await cloud.makeUser(name);
  const notices = new RecordedNotices();
  const type = awsCredentials({ env: {}, endpoints: [endpoint], profiles: [], ...places }, open);
  // AWS has a clock of its own, by which it tells how old keys are.
  const clock = new HandClock(Math.floor(Date.now() / 1_000) * 1_000);
  const store = await makePlace({ clock, engines: [mute ? type : toldType(type, notices)], ...options });
  const node = await store.node();
  await written(node, 'sys/mounts/aws', { type: 'aws' });
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
    notices,
    root: { ...keys, name },
    remove: () => store.remove(),
  };
}

/** Writes, and throws unless it was taken. */
export async function written(node: CofferNode, path: string, data: JsonObject = {}): Promise<void> {
  const { status, errors } = await ask(node, 'update', path, data);
  if (status !== 204 && status !== 200) throw new Error(`${path}: ${status} ${errors.join()}`);
}
