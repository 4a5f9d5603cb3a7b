/** What is released: an npm package with nothing in it but what is meant, whose command starts and whose library has types. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, cli, freshPlace, runProgram, startServer } from '../e2e/server-process.ts';
import { Released, root, runRelease } from './released-package.ts';

let released: Released;
beforeAll(async () => {
  released = await Released.make();
}, 240_000);
afterAll(async () => {
  released?.[Symbol.dispose]();
  await cleanUp();
});

const meant = [
  /^(LICENSE|README\.md|SECURITY\.md|package\.json)$/,
  /^bin\/coffer\.js$/,
  /^dist\/coffer\.js$/,
  /^dist\/chunk\/[\w.-]+-[A-Z0-9]{8}\.js$/,
  /^dist\/client\/index\.js$/,
  /^dist\/client\/types\/(client\/)?[a-z-]+\.d\.ts$/,
];

it('the package holds nothing but what is meant', () => {
  const { files } = released;
  expect(files.filter((file) => !meant.some((pattern) => pattern.test(file)))).toEqual([]);
  for (const pattern of meant) expect(files.some((file) => pattern.test(file))).toBe(true);
});

it('its manifest has nothing of development, and the checkout’s own is private', () => {
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
  expect(own['private']).toBe(true);
  const { manifest } = released;
  for (const name of ['private', 'scripts', 'devDependencies']) expect(manifest).not.toHaveProperty(name);
  expect(manifest).toMatchObject({ name: 'coffer', version: own['version'], engines: own['engines'] });
});

it('threat 29: all that the package loads is in it, in Node, or named with an exact version', () => {
  const named = Object.entries(released.manifest.dependencies);
  expect(named.filter(([, wanted]) => !/^\d+\.\d+\.\d+$/.test(wanted))).toEqual([]);
  const known = new Set([...named.map(([name]) => name), ...builtinModules]);
  const loaded = new Set<string>();
  for (const file of released.files.filter((name) => name.endsWith('.js'))) {
    const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|__require\()"([^".\s][^"\s]*)"/g;
    for (const [, target = ''] of released.read(file).matchAll(pattern)) {
      // Not the end of one text and the beginning of the next.
      if (/^(node:|@)?[\w.-]+(\/[\w./-]+)?$/.test(target)) loaded.add(packageOf(target));
    }
  }
  // The SDK's advice, in the text of an error, to whoever wants a kind of signature that is not used here.
  loaded.delete('@aws-sdk/signature-v4-crt');
  // Else the patterns above have gone blind.
  expect([...loaded]).toEqual(expect.arrayContaining(['lmdb', 'pg', 'yaml', 'crypto']));
  expect([...loaded].filter((name) => !known.has(name))).toEqual([]);
});

function packageOf(target: string): string {
  const parts = target.replace(/^node:/, '').split('/');
  return parts.slice(0, target.startsWith('@') ? 2 : 1).join('/');
}

it('threat 29: an SBOM and sums go with it', () => {
  const { version, dependencies } = released.manifest;
  const sums = readFileSync(join(released.out, 'SHA256SUMS'), 'utf8').trimEnd().split('\n');
  expect(sums).toHaveLength(2);
  for (const line of sums) {
    const [digest, name = ''] = line.split('  ');
    expect(
      createHash('sha256')
        .update(readFileSync(join(released.out, name)))
        .digest('hex'),
    ).toBe(digest);
  }
  const sbom = JSON.parse(readFileSync(join(released.out, `coffer-${version}.cdx.json`), 'utf8')) as {
    readonly bomFormat: string;
    readonly components: readonly { readonly name: string; readonly hashes?: readonly unknown[] }[];
  };
  expect(sbom.bomFormat).toBe('CycloneDX');
  const names = new Set(sbom.components.map(({ name }) => name.replace(/^.*\/(?=@)/, '')));
  for (const name of Object.keys(dependencies)) expect(names, name).toContain(name);
  expect(names).not.toContain('vitest');
});

it('a release is asked for in words, and refuses a checkout that is not at its tag', async () => {
  expect(await runRelease([])).toMatchObject({ code: 2, stderr: expect.stringContaining('say either') });
  expect(await runRelease(['--publish', '--built'])).toMatchObject({ code: 2 });
  // Of a repository that has no commit nothing can ever be published.
  const elsewhere = mkdtempSync(join(tmpdir(), 'coffer-no-repository-'));
  const env = { GIT_DIR: join(elsewhere, '.git'), GIT_WORK_TREE: elsewhere };
  try {
    const path = { PATH: process.env['PATH'] ?? '' };
    await runProgram('git', ['init', '--quiet', elsewhere], path);
    writeFileSync(join(elsewhere, 'changed'), '');
    expect(await runRelease(['--publish'], env)).toMatchObject({
      code: 1,
      stderr: 'the checkout has changes that are not committed; nothing was published\n',
    });
  } finally {
    rmSync(elsewhere, { recursive: true, force: true });
  }
});

it('the example of the client library compiles against its types and runs', async () => {
  const page = readFileSync(join(root, 'docs/reference/client.md'), 'utf8');
  const [, example = ''] = /^```ts\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const { project } = released;
  // The library stands alone: nothing but its package is installed.
  writeFileSync(join(project, 'package.json'), '{"type":"module"}');
  writeFileSync(join(project, 'example.ts'), example);
  writeFileSync(
    join(project, 'example.js'),
    (await transform(example, { loader: 'ts', target: 'node20' })).code,
  );
  const types = join(root, 'node_modules/@types');
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(strictProject(types)));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const checked = await runProgram(process.execPath, [compiler, '-p', project], { PATH: '' });
  expect(checked).toEqual({ code: 0, stdout: '', stderr: '' });

  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const env = { COFFER_ADDR: server.address };
  const ask = async (words: readonly string[], stdin?: string) => {
    const outcome = await cli(place, words, { env, ...(stdin === undefined ? {} : { stdin }) });
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    return outcome.stdout.trim();
  };
  const policy = 'path "secret/*" { capabilities = ["create", "read", "update", "list"] }';
  await ask(['policy', 'write', 'shop', '-'], policy);
  await ask(['auth', 'enable', 'approle']);
  await ask(['api', 'POST', 'auth/approle/role/shop', 'token_policies=shop', 'token_ttl=20m']);
  const roleId = await ask(['api', 'GET', 'auth/approle/role/shop/role-id', '--field', 'data.role_id']);
  const role = 'auth/approle/role/shop/secret-id';
  const secretId = await ask(['api', 'POST', role, '--field', 'data.secret_id']);
  const ran = await runProgram(process.execPath, [join(project, 'example.js')], {
    ...env,
    ROLE_ID: roleId,
    SECRET_ID: secretId,
  });
  expect(ran).toEqual({
    code: 0,
    stdout: 'database: none yet\nwritten: version 1\nsomebody else was first\ndatabase\ntrue\ntrue\n',
    stderr: '',
  });
  await server.stop();
});

function strictProject(typeRoot: string): unknown {
  const compilerOptions = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noPropertyAccessFromIndexSignature: true,
    // The library's own declarations are checked, too.
    skipLibCheck: false,
    noEmit: true,
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    typeRoots: [typeRoot],
  };
  return { compilerOptions, files: ['example.ts'] };
}

it('the command of the package starts with what its manifest names', async () => {
  released.linkDependencies();
  const place = freshPlace();
  const words = [join(released.package, 'bin/coffer.js'), '--version'];
  const said = await runProgram(process.execPath, words, place.env);
  expect(said).toMatchObject({ code: 0, stdout: expect.stringContaining(released.manifest.version) });
});
