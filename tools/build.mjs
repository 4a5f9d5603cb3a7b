// Bundles the program into dist/: one chunk per lazily imported file, so that a command loads only what it needs.
// Beside it the client library: one file without chunks, so that other programs load none of ours, and the declarations of its types.
// The old dist/ gives way at once, so that nobody ever finds half a program.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { isBundled } from './bundled.mjs';
import { mergeChunks } from './merge-chunks.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

const { dependencies } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
const external = Object.keys(dependencies).filter((name) => !isBundled(name));

const made = `dist.${process.pid}.new`;
const old = `dist.${process.pid}.old`;
const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
};
const ofProgram = {
  ...common,
  alias: { 'node:process': './tools/node-process.mjs' },
  mainFields: ['module', 'main'],
  // Node compiles what it loads at each start, by the letter. Names stay: they stand in traces.
  minifySyntax: true,
  minifyWhitespace: true,
};

/**
 * The plain way to AWS takes a signer out of the library that the SDK is made of. Bundled together with the SDK's clients the two would
 * share its files whole, several times of what the signer uses; bundled before, it comes with that alone.
 */
const alone = {
  name: 'alone',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]aws[\\/]json-client\.ts$/ }, async ({ path }) => {
      const options = { ...ofProgram, entryPoints: [path], write: false, sourcemap: 'inline' };
      const { outputFiles } = await build(options);
      return { contents: outputFiles[0].text, loader: 'js' };
    });
  },
};

const program = build({
  ...ofProgram,
  entryPoints: { coffer: 'src/main/cli.ts' },
  outdir: made,
  splitting: true,
  external: external.flatMap((name) => [name, `${name}/*`]),
  metafile: true,
  sourcemap: 'linked',
  chunkNames: 'chunk/[name]-[hash]',
  plugins: [alone],
});
/**
 * What runs in Lambda is a folder that needs nothing beside it: packages are in the bundle, those that few stores need as chunks that
 * only these load. The embedded store is not: there is no disk.
 */
const functions = build({
  ...ofProgram,
  entryPoints: { public: 'src/main/lambda/public.ts', duties: 'src/main/lambda/duties.ts' },
  outdir: `${made}/lambda`,
  outExtension: { '.js': '.mjs' },
  splitting: true,
  metafile: true,
  external: ['lmdb', 'pg-native'],
  chunkNames: '[name]-[hash]',
  plugins: [alone],
});
const client = build({
  ...common,
  entryPoints: { 'client/index': 'src/client/index.ts' },
  outdir: made,
  sourcemap: 'linked',
});
await Promise.all([
  program.then(writeProgram),
  functions.then(writeFunctions),
  client,
  declareClient(join(root, made, 'client', 'types')),
]);

if (existsSync(`${root}/dist`)) renameSync(`${root}/dist`, `${root}/${old}`);
renameSync(`${root}/${made}`, `${root}/dist`);
rmSync(`${root}/${old}`, { recursive: true, force: true });

async function writeProgram({ metafile: { outputs } }) {
  await mergeChunks(root, outputs, [`${made}/coffer.js`], { ...ofProgram, sourcemap: 'linked' });
}

/** What no function reaches is left out. */
async function writeFunctions({ metafile: { outputs } }) {
  const roots = ['public', 'duties'].map((name) => `${made}/lambda/${name}.mjs`);
  const reached = reachedBy(outputs, roots);
  for (const path of Object.keys(outputs)) if (!reached.has(path)) rmSync(join(root, path));
  const kept = Object.fromEntries(Object.entries(outputs).filter(([path]) => reached.has(path)));
  await mergeChunks(root, kept, roots, ofProgram);
  // Packages of the older kind ask for the platform's modules by this.
  const banner =
    "import { createRequire as ofModule } from 'node:module';const require = ofModule(import.meta.url);\n";
  for (const name of readdirSync(join(root, made, 'lambda'))) {
    const file = join(root, made, 'lambda', name);
    const text = readFileSync(file, 'utf8');
    if (/\brequire\b/.test(text)) writeFileSync(file, banner + text);
  }
}

/** The bundler writes a chunk for each `import()` that it meets, also in code that it leaves out then. */
function reachedBy(outputs, entries) {
  const reached = new Set();
  const reach = (path) => {
    if (outputs[path] === undefined || reached.has(path)) return;
    reached.add(path);
    for (const each of outputs[path].imports) reach(each.path);
  };
  for (const entry of entries) reach(entry);
  return reached;
}

/** Declarations of the client alone, from its sources and what they import. */
async function declareClient(folder) {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const project = join(root, 'tools', 'client.tsconfig.json');
  await promisify(execFile)(process.execPath, [compiler, '-p', project, '--outDir', folder]);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    // Sources name each other with `.ts`, which outside of them is a file that is not there.
    writeFileSync(file, readFileSync(file, 'utf8').replace(/(from '\.[^']*)\.ts'/g, "$1.js'"));
  }
}
