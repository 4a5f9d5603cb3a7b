/**
 * The decision alone: what one costs a token of twenty policies in a store of ten thousand, beside a token of one in a store of
 * one. Both as the road asks: the compiled policies are looked up, then asked. Run by `bench/decision.mjs`.
 */

import type { Core } from '../src/core/core.ts';
import { type ApiPath, parseApiPath } from '../src/core/path.ts';
import { ask, makePlace } from '../test/fakes/client.ts';

const quick = process.argv.includes('--quick');
const policies = quick ? 1_000 : 10_000;
const rules = 50;
const slices = 60;
const decisionsASlice = 20_000;

interface Caller {
  readonly core: Core;
  readonly names: readonly string[];
  readonly paths: readonly ApiPath[];
}

async function caller(count: number, names: readonly string[]): Promise<Caller> {
  const place = await makePlace();
  const node = await place.node();
  for (let index = 0; index < count; index++) {
    const { status } = await ask(node, 'update', `sys/policies/acl/policy-${index}`, {
      policy: policyText(index),
    });
    if (status !== 204) throw new Error(`a policy was answered ${status}`);
  }
  const { core } = node.state;
  if (core === undefined) throw new Error('the store did not open');
  await core.at((await core.tokenReader.read(undefined)).epoch);
  await core.policies.acl(names, core.epoch().policies);
  const numbers = names.map((name) => Number(name.slice('policy-'.length)));
  // What is allowed, by each of the policies, and what no rule allows.
  const paths = Array.from({ length: 64 }, (_, index) => {
    const team = index % 8 === 0 ? 'none' : `team-${numbers[index % numbers.length]}`;
    return parseApiPath(`secret/data/${team}/app-${(index * 7) % rules}/db`);
  });
  return { core, names, paths };
}

function policyText(index: number): string {
  return Array.from(
    { length: rules },
    (_, rule) => `path "secret/data/team-${index}/app-${rule}/*" { capabilities = ["read", "list"] }`,
  ).join('\n');
}

/** Nanoseconds a decision. */
function slice({ core, names, paths }: Caller): number {
  const epoch = core.epoch().policies;
  const token = { policies: names, identity: undefined, record: { mount: null, metadata: null } };
  const began = process.hrtime.bigint();
  let allowed = 0;
  for (let turn = 0; turn < decisionsASlice; turn++) {
    const path = paths[turn & 63];
    const acl = core.policies.compiled(token, epoch);
    if (path === undefined || acl === undefined) throw new Error('the policies are not at hand');
    const decision = acl.decide({ operation: 'read', path, data: undefined, sudo: false });
    if (decision.kind === 'allow') allowed += 1;
  }
  const took = Number(process.hrtime.bigint() - began);
  const expected = (decisionsASlice * 7) / 8;
  if (Math.abs(allowed - expected) > 64) throw new Error(`${allowed} decisions allowed, not ${expected}`);
  return took / decisionsASlice;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const small = await caller(1, ['policy-0']);
const large = await caller(
  policies,
  Array.from({ length: 20 }, (_, index) => `policy-${index * 17}`),
);
const times: { readonly one: number; readonly many: number }[] = [];
for (let round = 0; round < slices; round++) {
  const time = { one: slice(small), many: slice(large) };
  if (round >= slices / 4) times.push(time);
}
const ratio = median(times.map(({ one, many }) => many / one));
console.log(
  `a decision by 20 of ${policies} policies of ${rules} rules: ${median(times.map(({ many }) => many)).toFixed(0)} ns; ` +
    `by 1 of 1: ${median(times.map(({ one }) => one)).toFixed(0)} ns; ratio ${ratio.toFixed(2)}, budget <= 2`,
);
process.exit(0);
