// Stores to measure: made by the program itself, filled by `fill.ts`.
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, plainEnvironment, startNode, stop } from './processes.mjs';

export const coffer = fileURLToPath(new URL('../bin/coffer.js', import.meta.url));

/** A place of its own below `directory`, with a store in it. */
export async function makeStore(directory) {
  const env = {
    HOME: directory,
    XDG_CONFIG_HOME: join(directory, 'config'),
    XDG_DATA_HOME: join(directory, 'data'),
  };
  const place = { directory, env, data: join(directory, 'data', 'coffer') };
  const { server } = await serve(place, ['--init']);
  await stop(server);
  const config = join(directory, 'config', 'coffer');
  const keyfile = readdirSync(config).find((name) => name.endsWith('.keyfile'));
  return {
    ...place,
    keyfile: join(config, keyfile),
    tokenFile: join(config, 'token'),
    token: readFileSync(join(config, 'token'), 'utf8').trim(),
  };
}

/** Starts the server on a place; `ready` is when it says that it serves. */
export async function serve({ env }, args = []) {
  const address = `127.0.0.1:${await freePort()}`;
  const server = await startNode(
    ['--max-semi-space-size=32', coffer, 'server', '--listen', address, '--log-level', 'warn', ...args],
    /Serving /,
    env,
  );
  return { server, address: `http://${address}` };
}

let filler;

/** Fills a place that no server serves; shows progress on stderr. */
export async function fill({ data, keyfile, tokenFile }, wish) {
  filler ??= bundle('fill');
  const asked = {
    secrets: 0,
    leases: 0,
    leaseTtl: 86_400,
    policies: 0,
    rules: 50,
    ...wish,
    data,
    keyfile,
    tokenFile,
  };
  const child = spawn(process.execPath, ['--max-semi-space-size=64', filler, JSON.stringify(asked)], {
    env: plainEnvironment(),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await new Promise((resolve) => child.on('exit', resolve));
  if (code !== 0) throw new Error(`filling ended with ${code}`);
}

/** Builds `bench/<name>.ts`; where the program to run lies. */
export function bundle(name) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  // Beside the sources, where its packages are found.
  const out = join(root, 'dist', `bench-${name}.mjs`);
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules', 'esbuild', 'bin', 'esbuild'),
      join(root, 'bench', `${name}.ts`),
      '--bundle',
      '--platform=node',
      '--format=esm',
      '--target=node20',
      '--packages=external',
      `--outfile=${out}`,
      '--log-level=error',
    ],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${name}.ts does not build: ${stderr}`);
  return out;
}
