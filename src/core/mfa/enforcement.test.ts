import { describe, expect, it } from 'vitest';
import { identityOfRecords } from '../identity/identity.ts';
import type { EntityRecord, GroupRecord } from '../identity/record.ts';
import { demandsOn, type Enforcement } from './enforcement.ts';
import { newMethod } from './method.ts';

const method = newMethod('m');
const methods = new Map([['m', method]]);
const enforcement: Enforcement = {
  name: 'e',
  id: 'i',
  methods: ['m'],
  accessors: [],
  types: [],
  groups: [],
  entities: [],
};
const entity = { id: 'ann', merged: ['old-ann'], policies: [] } as unknown as EntityRecord;
const group = (id: string) => ({ id, policies: [] }) as unknown as GroupRecord;
const identity = identityOfRecords(entity, [group('g'), group('above')], []);
const login = { type: 'userpass', accessor: 'a', alias: 'ann', identity };
const names = (...given: readonly Partial<Enforcement>[]) =>
  demandsOn(
    login,
    given.map((one, at) => ({ ...enforcement, name: `e${at}`, ...one })),
    methods,
  ).map((one) => one.enforcement);

describe('threat 05: an enforcement', () => {
  it('means a login by any one of its lists, and groups above and entities that were merged too', () => {
    expect(
      names(
        { accessors: ['a'] },
        { types: ['x', 'userpass'] },
        { groups: ['above'] },
        { entities: ['ann'] },
        { entities: ['old-ann'] },
        { accessors: ['b'], types: ['approle'], groups: ['h'], entities: ['bob'] },
      ),
    ).toEqual(['e0', 'e1', 'e2', 'e3', 'e4']);
  });

  it('refuses a login where it has no method, no entity, or cannot be told', () => {
    const refused = expect.objectContaining({ code: 'permission_denied' });
    const attempt = (one: Partial<Enforcement>, more: Partial<typeof login>, known = methods) => {
      try {
        return demandsOn({ ...login, ...more } as typeof login, [{ ...enforcement, ...one }], known);
      } catch (error) {
        return error;
      }
    };
    expect(attempt({ types: ['userpass'] }, {}, new Map())).toEqual(refused);
    expect(attempt({ types: ['userpass'] }, { identity: undefined as unknown as typeof identity })).toEqual(
      refused,
    );
    const unresolved = { identity: undefined as unknown as typeof identity };
    expect(attempt({ groups: ['other'] }, unresolved)).toEqual(refused);
    expect(attempt({ entities: ['other'] }, unresolved)).toEqual(refused);
    expect(attempt({ types: ['other'] }, unresolved)).toEqual([]);
    expect(attempt({ groups: ['other'] }, { ...unresolved, alias: '' })).toEqual([]);
  });
});
