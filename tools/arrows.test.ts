import { describe, expect, it } from 'vitest';
import { checkArrows, importsOf, packageOwners, roomOf, ruleFor, rules, testFile } from './arrows.ts';
import { readDocument, readSources } from './source-tree.ts';

/** A small tree in which all is well, with more files put over it. */
function tree(files: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(
    Object.entries({
      'errors.ts': 'export class CofferError {}',
      'storage/storage.ts': "import { CofferError } from '../errors.ts';",
      'storage/lmdb/lmdb.ts': "import { open } from 'lmdb';\nimport type { Storage } from '../storage.ts';",
      'storage/memory/memory.ts': "import type { Storage } from '../storage.ts';",
      'core/view.ts': "import type { Page } from '../storage/storage.ts';",
      'core/token/tokens.ts': "import type { BarrierStore } from '../../barrier/store.ts';",
      'core/mount/mounts.ts': "import type { EngineType } from '../../engine/engine.ts';",
      'barrier/store.ts': "import type { Storage } from '../storage/storage.ts';",
      'engine/engine.ts': "import type { View } from '../core/view.ts';",
      'engine/kv/kv.ts': "import type { Engine } from '../engine.ts';",
      'main/server.ts': "import { openLmdb } from '../storage/lmdb/lmdb.ts';",
      ...files,
    }),
  );
}

describe('the arrows between rooms', () => {
  it('hold in this checkout', () => {
    expect(checkArrows(readSources('src'))).toEqual([]);
  });

  it('are judged for every file: each has a rule', () => {
    for (const path of readSources('src').keys()) {
      if (!testFile.test(path)) expect(ruleFor(path), path).toBeDefined();
    }
  });

  it('name only files that exist', () => {
    const sources = readSources('src');
    const named = rules.flatMap(({ from, may, types = [] }) => [from, ...may, ...types]);
    for (const place of named.filter((name) => name.endsWith('.ts'))) {
      expect(sources.has(place), place).toBe(true);
    }
  });

  it('know an owner of each package that the program depends on, and no other', () => {
    const { dependencies } = JSON.parse(readDocument('package.json')) as { dependencies: object };
    expect(Object.keys(packageOwners).toSorted()).toEqual(Object.keys(dependencies).toSorted());
  });
});

describe('planted violations', () => {
  it('are what makes the difference: the small tree itself is clean', () => {
    expect(checkArrows(tree({}))).toEqual([]);
  });

  it.each([
    ['an engine that sees the store', 'engine/kv/kv.ts', '../../storage/lmdb/lmdb.ts'],
    ['an engine that sees the barrier', 'engine/kv/kv.ts', '../../barrier/store.ts'],
    ['an engine that sees the road', 'engine/kv/kv.ts', '../../core/road.ts'],
    ['an engine that sees another engine', 'engine/kv/kv.ts', '../totp/totp.ts'],
    ['an auth method that sees tokens', 'auth/approle/login.ts', '../../core/token/tokens.ts'],
    ['an implementation that sees another', 'storage/memory/memory.ts', '../lmdb/lmdb.ts'],
    ['a seam that sees its implementation', 'storage/storage.ts', './memory/memory.ts'],
    ['a seal that sees another seal', 'seal/keyfile/keyfile.ts', '../shamir/shamir.ts'],
    ['a seal seam that sees a seal', 'seal/slots.ts', './keyfile/keyfile.ts'],
    ['a barrier that sees the core', 'barrier/barrier.ts', '../core/core.ts'],
    ['a core that sees the wire', 'core/road.ts', '../http/encode.ts'],
    ['a core that sees a store’s implementation', 'core/core.ts', '../storage/lmdb/lmdb.ts'],
    ['a room of the core that sees the road', 'core/token/tokens.ts', '../road.ts'],
    ['a listener that sees tokens', 'http/listener.ts', '../core/token/tokens.ts'],
    ['a command that reaches around the client', 'cli/run.ts', '../core/core.ts'],
    ['a command that sees the wire', 'cli/run.ts', '../http/encode.ts'],
    ['a client that sees the command line', 'client/client.ts', '../cli/ui.ts'],
    ['anybody but nobody that sees main', 'cli/commands/server.ts', '../../main/server.ts'],
    ['crypto that sees storage', 'crypto/aead.ts', '../storage/storage.ts'],
    ['a room without a rule', 'attic/box.ts', '../errors.ts'],
  ])('are found: %s', (_, path, target) => {
    for (const statement of [`import { x } from '${target}';`, `export * from '${target}';`]) {
      expect(checkArrows(tree({ [path]: statement }))).toContainEqual(expect.stringContaining(`${path} `));
    }
    expect(checkArrows(tree({ [path]: `const x = await import('${target}');` }))).toHaveLength(1);
  });

  it('are found where only the types of a seam are shared', () => {
    const path = 'core/mount/mounts.ts';
    expect(checkArrows(tree({ [path]: "import type { A } from '../../engine/engine.ts';" }))).toEqual([]);
    expect(checkArrows(tree({ [path]: "import { type A } from '../../engine/engine.ts';" }))).toEqual([]);
    expect(checkArrows(tree({ [path]: "import { type A, b } from '../../engine/engine.ts';" }))).toEqual([
      `${path} may import only types of engine/engine.ts`,
    ]);
  });

  it('are found where product code loads what is for tests', () => {
    const outside = checkArrows(tree({ 'main/server.ts': "import { x } from '../../test/fakes/x.ts';" }));
    expect(outside).toEqual([expect.stringContaining('not product code')]);
    const inside = checkArrows(tree({ 'http/listener.ts': "import { x } from './wire.fixture.ts';" }));
    expect(inside).toEqual([expect.stringContaining('which is for tests')]);
    expect(checkArrows(tree({ 'core/road.test.ts': "import { x } from '../../test/x.ts';" }))).toEqual([]);
  });

  it('are found where a package is used outside of its room', () => {
    expect(checkArrows(tree({ 'core/core.ts': "import { open } from 'lmdb';" }))).toEqual([
      'core/core.ts imports the package lmdb, which belongs to storage/lmdb/',
    ]);
    expect(checkArrows(tree({ 'core/core.ts': "import x from '@scope/left-pad/deep';" }))).toEqual([
      'core/core.ts imports the package @scope/left-pad, which no room has adopted',
    ]);
  });

  it('are found in circles of files and of rooms', () => {
    const files = checkArrows(
      tree({
        'core/token/a.ts': "import { b } from './b.ts';",
        'core/token/b.ts': "import { a } from './a.ts';",
      }),
    );
    expect(files).toEqual(['files in a circle: core/token/a.ts, core/token/b.ts']);
    const rooms = {
      'core/token/a.ts': "import { b } from '../lease/b.ts';",
      'core/lease/b.ts': '',
      'core/lease/c.ts': "import { d } from '../token/d.ts';",
      'core/token/d.ts': '',
    };
    expect(checkArrows(tree(rooms))).toEqual(['rooms in a circle: core/lease, core/token']);
    const types = { ...rooms, 'core/lease/c.ts': "import type { d } from '../token/d.ts';" };
    expect(checkArrows(tree(types))).toEqual([]);
  });
});

describe('importsOf', () => {
  it('reads every way to import', () => {
    const source = `
import './a.ts';
import b from './b.ts';
import type { C } from './c.ts';
import { type D } from './d.ts';
import {
  e,
  type F,
} from "./e.ts";
export { g } from './g.ts';
export type { H } from './h.ts';
const i = () => import('./i.ts');
type J = typeof import('./j.ts');
const k: import('./k.ts').K = 1;
// import { no } from './no.ts';
/** like import('./no.ts') */
const text = Array.from('no');
`.slice(1);
    expect(importsOf(source).map(({ target, typeOnly }) => `${target}${typeOnly ? ' type' : ''}`)).toEqual([
      './a.ts',
      './b.ts',
      './c.ts type',
      './d.ts type',
      './e.ts',
      './g.ts',
      './h.ts type',
      './i.ts',
      './j.ts type',
      './k.ts type',
    ]);
  });
});

describe('roomOf', () => {
  it('tells core, its rooms, and what they share apart', () => {
    expect(
      ['core/road.ts', 'core/view.ts', 'core/token/tokens.ts', 'seal/keyfile/keyfile.ts'].map(roomOf),
    ).toEqual(['core', 'core (shared)', 'core/token', 'seal']);
  });
});
