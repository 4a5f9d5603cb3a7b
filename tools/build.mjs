// Bundles the program into dist/: one chunk per lazily imported file, so that a command loads only what it needs.
// The old dist/ gives way at once, so that nobody ever finds half a program.
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

// AWS's clients come along: as packages they are hundreds of files, which cost a call of the command line more than its requests.
const { dependencies } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
const external = Object.keys(dependencies).filter((name) => !/^@aws-sdk\/client-|^@smithy\//.test(name));

const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  alias: { 'node:process': './tools/node-process.mjs' },
  mainFields: ['module', 'main'],
  // Node compiles what it loads at each start, by the letter. Names stay: they stand in traces.
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
};

/**
 * The plain way to AWS takes a signer out of the library that the SDK is made of. Bundled together with the SDK's clients the two would
 * share its files whole, ten times of what the signer uses; bundled before, it comes with that alone.
 */
const alone = {
  name: 'alone',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]aws[\\/]json-client\.ts$/ }, async ({ path }) => {
      const options = { ...common, entryPoints: [path], write: false, sourcemap: 'inline' };
      const { outputFiles } = await build(options);
      return { contents: outputFiles[0].text, loader: 'js' };
    });
  },
};

const made = `dist.${process.pid}.new`;
const old = `dist.${process.pid}.old`;
await build({
  ...common,
  entryPoints: { coffer: 'src/main/cli.ts' },
  outdir: made,
  splitting: true,
  external: external.flatMap((name) => [name, `${name}/*`]),
  sourcemap: 'linked',
  chunkNames: 'chunk/[name]-[hash]',
  plugins: [alone],
});

if (existsSync(`${root}/dist`)) renameSync(`${root}/dist`, `${root}/${old}`);
renameSync(`${root}/${made}`, `${root}/dist`);
rmSync(`${root}/${old}`, { recursive: true, force: true });
