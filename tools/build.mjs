// Bundles the program into dist/: one chunk per lazily imported file, so that a command loads only what it needs.
// The old dist/ gives way at once, so that nobody ever finds half a program.
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

// AWS's clients come along: as packages they are hundreds of files, which cost a call of the command line more than its requests.
const { dependencies } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
const external = Object.keys(dependencies).filter((name) => !/^@aws-sdk\/client-|^@smithy\//.test(name));

const made = `dist.${process.pid}.new`;
const old = `dist.${process.pid}.old`;
await build({
  absWorkingDir: root,
  entryPoints: { coffer: 'src/main/cli.ts' },
  outdir: made,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: external.flatMap((name) => [name, `${name}/*`]),
  alias: { 'node:process': './tools/node-process.mjs' },
  mainFields: ['module', 'main'],
  sourcemap: 'linked',
  // Node compiles what it loads at each start, by the letter. Names stay: they stand in traces.
  minifySyntax: true,
  minifyWhitespace: true,
  chunkNames: 'chunk/[name]-[hash]',
  logLevel: 'warning',
});

if (existsSync(`${root}/dist`)) renameSync(`${root}/dist`, `${root}/${old}`);
renameSync(`${root}/${made}`, `${root}/dist`);
rmSync(`${root}/${old}`, { recursive: true, force: true });
