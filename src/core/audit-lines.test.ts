import { afterEach, beforeEach, expect, it } from 'vitest';
import { ask, auditText, makePlace, type Place } from '../../test/fakes/client.ts';
import type { CofferNode } from '../main/node.ts';

let place: Place;
let node: CofferNode;

beforeEach(async () => {
  place = await makePlace();
  node = await place.node();
});
afterEach(() => place.remove());

it('threat 16: a token that an old client puts into a path stands in the log as a digest', async () => {
  const token = 'hvs.CAESIJ8canaryCanary12345';
  for (const path of [`auth/token/lookup/${token}`, `nowhere/${token}`]) {
    expect((await ask(node, 'update', path, {})).status).toBe(404);
  }
  const text = auditText(place.auditDirectory);
  expect(text).not.toContain('canaryCanary');
  expect(text).toContain('auth/token/lookup/hmac-sha256:');
});
