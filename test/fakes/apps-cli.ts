/** `coffer apps` against a node with service users, over a socket. */
import { rmSync } from 'node:fs';
import { call, type Outcome, type Scene, temporaryHome } from '../../src/cli/cli.fixture.ts';
import { openTestListener, type TestListener } from '../../src/http/listener.fixture.ts';
import { rootToken } from './client.ts';
import { makeServicePlace, type ServicePlace } from './service-place.ts';

export interface AppsCli extends AsyncDisposable {
  readonly at: ServicePlace;
  /** Runs `coffer apps …` as root, unless told. */
  run(words: readonly string[], scene?: Scene & { readonly token?: string }): Promise<Outcome>;
  /** Each request does this work first; for tests of what waits. */
  beforeEach: (() => Promise<void>) | undefined;
}

export async function makeAppsCli(): Promise<AppsCli> {
  const at = await makeServicePlace();
  const home = temporaryHome();
  const cli: AppsCli = {
    at,
    beforeEach: undefined,
    run: (words, { token = rootToken, ...scene } = {}) =>
      call(['apps', ...words], {
        ...scene,
        env: { HOME: home, COFFER_ADDR: addressOf(served), COFFER_TOKEN: token, ...scene.env },
      }),
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]();
      await at.place.remove();
      rmSync(home, { recursive: true, force: true });
    },
  };
  const served = await openTestListener({
    async handle(request) {
      await cli.beforeEach?.();
      return at.node.road.handle(request);
    },
  });
  return cli;
}

function addressOf({ listener }: TestListener): string {
  return `http://127.0.0.1:${listener.address.port}`;
}
