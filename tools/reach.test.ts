import { describe, expect, it } from 'vitest';
import { checkReach } from './reach.ts';
import { readDocument, readSources } from './source-tree.ts';

const problems = checkReach(readSources('src'));

describe('what product code reaches', () => {
  it('threat 19: nothing turns text into code, or loads a module that a setting names', () => {
    expect(problems.filter((problem) => /other code|run time/.test(problem))).toEqual([]);
  });

  it('threat 21: only the client opens connections, and the room that checks where they go', () => {
    expect(problems.filter((problem) => /opens connections|speaks HTTP/.test(problem))).toEqual([]);
  });

  it('threat 22: nothing but `coffer exec` runs another program', () => {
    expect(problems.filter((problem) => problem.includes('runs programs'))).toEqual([]);
  });

  it.each([
    ["import { exec } from 'node:child_process';", 'runs programs or other code'],
    ["const v = await import('node:vm');", 'runs programs or other code'],
    ["const f = new Function('a');", 'runs programs or other code'],
    ['const x = eval(text);', 'runs programs or other code'],
    ["import { request } from 'node:https';", 'opens connections'],
    ['const answer = await fetch(url);', 'opens connections'],
    ["import { request } from 'node:http';", 'speaks HTTP'],
    ['const plugin = await import(path);', 'loads a module that is chosen at run time'],
    ['const plugin = require(path);', 'loads a module that is chosen at run time'],
  ])('is found out: %s', (line, what) => {
    expect(checkReach(new Map([['core/x.ts', line]]))).toEqual([`core/x.ts ${what}`]);
    expect(checkReach(new Map([['core/x.ts', `// ${line}`]]))).toEqual([]);
  });
});

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      {
        readonly resolved?: string;
        readonly integrity?: string;
        readonly link?: boolean;
        readonly optional?: boolean;
        readonly inBundle?: boolean;
      }
    >
  >;
}

describe('what is installed', () => {
  const manifest = JSON.parse(readDocument('package.json')) as Manifest;
  const lock = JSON.parse(readDocument('package-lock.json')) as Lock;

  it('threat 29: dependencies have one exact version each', () => {
    for (const version of Object.values({ ...manifest.dependencies, ...manifest.devDependencies })) {
      expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
    }
  });

  it('threat 29: nothing runs at install, of ours or of anybody’s', () => {
    expect(readDocument('.npmrc')).toMatch(/^ignore-scripts=true$/m);
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish']) {
      expect(manifest.scripts).not.toHaveProperty(name);
    }
  });

  it('threat 29: the lockfile has the hash of every package, and none from elsewhere than the registry', () => {
    const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
    expect(packages.length).toBeGreaterThan(20);
    for (const [path, { resolved, integrity, link, optional, inBundle }] of packages) {
      expect(link, path).toBeUndefined();
      // What a package brings along lies in its archive, whose hash is its own.
      if (inBundle === true) {
        const [bringer = ''] = path.split('/node_modules/');
        expect(lock.packages[bringer]?.integrity, path).toMatch(/^sha512-/);
        continue;
      }
      // Without an address a package comes from the registry in use, and must have this hash there too.
      expect(resolved ?? 'https://registry.npmjs.org/', path).toMatch(/^https:\/\/registry\.npmjs\.org\//);
      // Builds for other platforms may be out of reach where the lock was made; they are never installed there.
      if (optional !== true || integrity !== undefined) expect(integrity, path).toMatch(/^sha512-/);
    }
  });
});
