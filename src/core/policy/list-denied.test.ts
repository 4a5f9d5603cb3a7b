import { describe, expect, it } from 'vitest';
import { parseApiPath } from '../path.ts';
import { compileAcl } from './compile.ts';
import { parsePolicy } from './policy.ts';

const aclOf = (text: string) => compileAcl([parsePolicy('p', text)]);
const allow = (path: string) => `path "${path}" { capabilities = ["read", "list", "scan"] }\n`;
const deny = (path: string) => `path "${path}" { capabilities = ["deny"] }\n`;

/** How listing and scanning the folder are decided: always the same way. */
function list(acl: ReturnType<typeof aclOf>, folder: string) {
  const [listed, scanned] = (['list', 'scan'] as const).map(
    (operation) => acl.decide({ path: parseApiPath(folder), operation, data: {}, sudo: false }).kind,
  );
  expect(scanned).toBe(listed);
  return listed;
}

describe('threat 11: listing a folder that a rule with wildcards denies', () => {
  it.each([
    ['kv/metadata/+', 'kv/*', 'kv/metadata/private/'],
    ['kv/+/private', 'kv/*', 'kv/metadata/private/'],
    ['kv/metadata/p*', 'kv/+/private/*', 'kv/metadata/private/'],
    ['kv/metadata/priv*', 'kv/+/+/*', 'kv/metadata/private/'],
    ['kv/metadata/private/*', 'kv/*', 'kv/metadata/private/'],
  ])('%s is denied, whatever %s grants', (denied, granted, folder) => {
    const acl = aclOf(allow(granted) + deny(denied));
    expect(list(acl, folder)).toBe('deny');
    expect(acl.capabilities(parseApiPath(folder))).toEqual(['deny']);
  });

  it('leaves its neighbours, and what an exact rule grants', () => {
    const acl = aclOf(allow('kv/*') + deny('kv/+/private') + allow('kv/data/private'));
    expect(list(acl, 'kv/metadata/private/')).toBe('deny');
    expect(list(acl, 'kv/metadata/public/')).toBe('allow');
    expect(list(acl, 'kv/metadata/private/sub/')).toBe('allow');
    expect(list(acl, 'kv/data/private/')).toBe('allow');
  });
});
