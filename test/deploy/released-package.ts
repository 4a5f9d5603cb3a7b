/** The released npm package, made by the release's dry run and laid out as an installation would. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Outcome, runProgram } from '../e2e/server-process.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly [name: string]: unknown;
}

export class Released implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'coffer-package-'));
  /** What the release leaves: tarball, SBOM, sums. */
  readonly out = join(this.#folder, 'out');
  /** A project that has the package installed. */
  readonly project = join(this.#folder, 'project');
  readonly package = join(this.project, 'node_modules', 'coffer');

  static async make(): Promise<Released> {
    const released = new Released();
    try {
      const made = await runRelease(['--dry-run', '--built', '--out', released.out]);
      if (made.code !== 0) throw new Error(`the release failed: ${made.stderr}`);
      await released.#unpack();
      return released;
    } catch (error) {
      released[Symbol.dispose]();
      throw error;
    }
  }

  get manifest(): Manifest {
    return JSON.parse(readFileSync(join(this.package, 'package.json'), 'utf8')) as Manifest;
  }

  /** Paths in the package, with `/`. */
  get files(): readonly string[] {
    const entries = readdirSync(this.package, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.package.length + 1))
      .toSorted();
  }

  read(file: string): string {
    return readFileSync(join(this.package, file), 'utf8');
  }

  /** Puts what the manifest depends on beside the package, and nothing else. */
  linkDependencies(): void {
    for (const name of Object.keys(this.manifest.dependencies)) this.link(name);
  }

  link(name: string): void {
    const place = join(this.project, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), place);
  }

  async #unpack(): Promise<void> {
    mkdirSync(this.package, { recursive: true });
    const [tarball = ''] = readdirSync(this.out).filter((name) => name.endsWith('.tgz'));
    const words = ['-xzf', join(this.out, tarball), '-C', this.package, '--strip-components=1'];
    const done = await runProgram('tar', words, { PATH: process.env['PATH'] ?? '' });
    if (done.code !== 0) throw new Error(`the tarball does not open: ${done.stderr}`);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Runs the release, in a home of its own. @param env besides PATH and HOME */
export async function runRelease(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const home = mkdtempSync(join(tmpdir(), 'coffer-release-home-'));
  try {
    const own = { PATH: process.env['PATH'] ?? '', HOME: home, npm_config_update_notifier: 'false' };
    return await runProgram(process.execPath, [join(root, 'tools/release.mjs'), ...words], {
      ...own,
      ...env,
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
