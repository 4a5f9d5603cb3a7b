// What `cdk` starts (`cdk.json`): bundles the program, which is TypeScript, and runs it. The CDK's own library stays where it is.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const outfile = join(root, 'node_modules', '.cache', `coffer-cdk-${process.pid}.cjs`);
process.once('exit', () => rmSync(outfile, { force: true }));
process.env.COFFER_CDK_SETTINGS ??= join(root, 'deploy/cdk/app.yml');
process.env.COFFER_CDK_BUNDLE ??= join(root, 'dist/lambda');
await build({
  absWorkingDir: root,
  entryPoints: ['deploy/cdk/app.ts'],
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
  outfile,
});
await import(pathToFileURL(outfile).href);
