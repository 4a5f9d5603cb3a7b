import { expect, test } from 'vitest';
import { table } from '../src/config/table.ts';
import { mostFormerPaths } from '../src/core/mount/remount.ts';
import { defaultLimits as ceilings } from '../src/core/quota/limits.ts';
import { mostBytes } from '../src/core/tool-values.ts';
import { mostChanges, mostRoles } from '../src/engine/role-secrets/secrets.ts';
import { longestSecret } from '../src/engine/role-secrets/written.ts';
import { mostWrong } from '../src/engine/totp/code-endpoint.ts';
import { longestPeriod } from '../src/engine/totp/key.ts';
import { mostItems } from '../src/engine/transit/batch.ts';
import { mostVersions } from '../src/engine/transit/key-record.ts';
import { mostHmacBytes } from '../src/engine/transit/new-key.ts';
import { defaultLimits as http } from '../src/http/limits.ts';
import { readDocument } from './source-tree.ts';

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const second = 1_000;

/** The cells behind the name of a limit. */
function rowOf(name: string): readonly string[] {
  const row = readDocument('docs/reference/limits.md')
    .split('\n')
    .find((line) => line.split('|')[1]?.trim() === name);
  return row?.split('|').map((cell) => cell.trim()) ?? [];
}

test.each([
  ['connections of one address', `${http.connectionsPerAddress}`],
  ['connections of a listener', `${http.connections}`],
  ['request line and headers', `${http.headerBytes / kibibyte} KiB`],
  ['header lines', `${http.headerCount}`],
  ['time for headers', `${http.headerMilliseconds / second} s`],
  ['time for a body, after that', `${http.bodyMilliseconds / second} s`],
  ['one body', `${http.bodyBytes / mebibyte} MiB`],
  ['bodies under way of one address', `${http.bodyBytesPerAddress / mebibyte} MiB`],
  ['bodies under way in all', `${http.bodyBytesInAll / mebibyte} MiB`],
  ['depth of JSON', `${http.jsonDepth}`],
  ['values in a body', `${http.jsonValues}`],
  ['names in a body', `${http.jsonNames}`],
  ['time for the work of a request', `${http.requestMilliseconds / second} s`],
  ['time for a client to take its answer', `${http.answerMilliseconds / second} s`],
  ['a kept connection without a request', `${http.idleMilliseconds / second} s`],
  ['requests sent ahead on a connection', `${http.waitingRequests}`],
  [
    'requests without a valid token, of one address',
    `${table['limits.requests_per_second'].default} a second`,
  ],
  ['of them at once', `${table['limits.burst'].default}`],
  ['tokens of one identity', `${ceilings.tokensPerIdentity}`],
  ['leases of one identity', `${ceilings.leasesPerIdentity}`],
  ['paths of the past that a mount may have leases of', `${mostFormerPaths}`],
  ['transit: items of a batch', `${mostItems}`],
  ['transit: versions of a key', `${mostVersions}`],
  ['transit: bytes of an hmac key', `32 to ${mostHmacBytes}`],
  ['transit: random bytes of one request', `${mostBytes}`],
  ['totp: period of a code', `${longestPeriod} s`],
  ['totp: wrong codes in one period', `${mostWrong}`],
  ['role-secrets: bytes of a secret', `${longestSecret}`],
  ['role-secrets: principals of a list', `${mostRoles}`],
  ['role-secrets: changes of a list in one request', `${mostChanges}`],
])('the page on limits says of %s what the program does: %s', (name, limit) => {
  expect(rowOf(name)[2]).toBe(limit);
});

test('every limit of the configuration is on the page, and is what holds without one', () => {
  const page = readDocument('docs/reference/limits.md');
  const names = Object.keys(table).filter((name) => name.startsWith('limits.'));
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  expect({
    connections: table['limits.connections'].default,
    connectionsPerAddress: table['limits.connections_per_address'].default,
    bodyBytes: table['limits.request_bytes'].default,
    requestMilliseconds: table['limits.request_time'].default,
  }).toEqual({
    connections: http.connections,
    connectionsPerAddress: http.connectionsPerAddress,
    bodyBytes: http.bodyBytes,
    requestMilliseconds: http.requestMilliseconds,
  });
  expect(table['limits.tokens_per_identity'].default).toBe(ceilings.tokensPerIdentity);
  expect(table['limits.leases_per_identity'].default).toBe(ceilings.leasesPerIdentity);
});
