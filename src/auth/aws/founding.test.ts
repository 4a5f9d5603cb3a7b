import { expect, it } from 'vitest';
import { decodeStored } from '../../core/stored-json.ts';
import { systemRandom } from '../../crypto/random.ts';
import { canonicalArn, parseArn } from './arn.ts';
import type { CallerIdentity } from './caller-identity.ts';
import { foundingRecords } from './founding.ts';
import { checkPrincipal } from './principal-binds.ts';
import type { AwsRole } from './role.ts';

const account = '123456789012';
const records = foundingRecords(
  {
    partition: 'aws',
    account,
    administrators: ['dssssadmin'],
    policy: 'administrator',
    serverId: 'coffer-x',
  },
  systemRandom,
);

function roleNamed(name: string): AwsRole {
  const value = records.find(({ path }) => path.endsWith(`/${name}`))?.value;
  if (value === undefined || value === null) throw new Error(`no role ${name}`);
  return decodeStored<AwsRole>(value);
}

function sessionOf(role: string, of = account): CallerIdentity {
  const arn = `arn:aws:sts::${of}:assumed-role/${role}/one`;
  const principal = parseArn(arn);
  if (principal === undefined) throw new Error('no ARN');
  return { arn, principal, uniqueId: 'AROAAPPAPPAPPAPPAPPA', userId: 'AROAAPPAPPAPPAPPAPPA:one' };
}

/** As IAM tells of it. */
function told(path: string | undefined) {
  return async ({ principal }: CallerIdentity) =>
    path === undefined ? undefined : canonicalArn(principal).replace(':role/', `:role${path}`);
}

async function admits(role: string, identity: CallerIdentity, path: string | undefined): Promise<boolean> {
  const asked = checkPrincipal(roleNamed(role), identity, () => told(path)(identity));
  return asked.then(
    () => true,
    (error: unknown) => {
      expect(error).toMatchObject({ code: 'permission_denied' });
      return false;
    },
  );
}

it('the administrator is the role of that name without a path', async () => {
  expect(await admits('dssssadmin', sessionOf('dssssadmin'), '/')).toBe(true);
});

it('threat 02: and no role of that name below a path, in other letters or in another account', async () => {
  expect(await admits('dssssadmin', sessionOf('dssssadmin'), '/dev/')).toBe(false);
  expect(await admits('dssssadmin', sessionOf('dssssadmin'), undefined)).toBe(false);
  expect(await admits('dssssadmin', sessionOf('DSSSSadmin'), '/')).toBe(false);
  expect(await admits('dssssadmin', sessionOf('dssssadmin', '210987654321'), '/')).toBe(false);
});

it('every role of the account logs in by the role for all, whatever its path', async () => {
  for (const path of ['/', '/dev/', undefined]) {
    expect(await admits('account', sessionOf('app'), path)).toBe(true);
    expect(await admits('account', sessionOf('app', '210987654321'), path)).toBe(false);
  }
});
