/**
 * Makes what is released: the npm package, a CycloneDX SBOM of all that it is made of, and SHA-256 sums of both; then publishes
 * the package with provenance, unless this is a dry run.
 *
 *     node tools/release.mjs --dry-run [--built] [--out DIRECTORY]
 *     node tools/release.mjs --publish [--out DIRECTORY]
 *
 * The checkout's own package.json stays `private`, so that nobody publishes by accident; the released one is made here and has
 * nothing of development. Publishing wants a clean checkout at the tag of its version, and a build system whose identity npm
 * can prove (GitHub Actions with `id-token: write`, or GitLab): https://docs.npmjs.com/generating-provenance-statements
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isBundled } from './bundled.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const usage = 'usage: node tools/release.mjs (--dry-run [--built] | --publish) [--out DIRECTORY]';

main();

function main() {
  const { dryRun, built, out } = wordsOf(process.argv.slice(2));
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (!dryRun) requireTaggedCheckout(`v${manifest.version}`);
  if (!built) run(process.execPath, ['tools/build.mjs'], root);
  mkdirSync(out, { recursive: true });
  const sbom = `coffer-${manifest.version}.cdx.json`;
  writeFileSync(join(out, sbom), describeParts(manifest));
  const tarball = pack(manifest, out);
  writeSums(out, [tarball, sbom]);
  const publish = ['publish', join(out, tarball), '--provenance', '--access', 'public'];
  if (!dryRun) npm(publish, root);
  process.stdout.write(`${dryRun ? 'not published (dry run)' : 'published'}: npm ${publish.join(' ')}\n`);
}

function wordsOf(args) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        'dry-run': { type: 'boolean', default: false },
        publish: { type: 'boolean', default: false },
        // Takes dist/ as it is.
        built: { type: 'boolean', default: false },
        out: { type: 'string', default: join(root, 'release') },
      },
    });
    const { 'dry-run': dryRun, publish, built, out } = values;
    // One of the two, said aloud: neither is what happens by default.
    if (dryRun === publish) throw new Error('say either --dry-run or --publish');
    if (publish && built) throw new Error('what is published is built by the release');
    return { dryRun, built, out: resolve(out) };
  } catch (error) {
    process.stderr.write(`${error.message}\n${usage}\n`);
    process.exit(2);
  }
}

function requireTaggedCheckout(tag) {
  const git = (...words) => execFileSync('git', words, { cwd: root, encoding: 'utf8' }).trim();
  const problem =
    git('status', '--porcelain') !== ''
      ? 'the checkout has changes that are not committed'
      : git('tag', '--points-at', 'HEAD').split('\n').includes(tag)
        ? undefined
        : `the checkout is not at the tag ${tag}`;
  if (problem === undefined) return;
  process.stderr.write(`${problem}; nothing was published\n`);
  process.exit(1);
}

/**
 * The SBOM of all that runs, for every platform, whatever is installed here. npm's own `--omit dev` leaves out a package that one
 * of the tools wants as a peer besides, so it is shown a lock file without tools.
 */
function describeParts({ private: _, scripts, devDependencies, ...manifest }) {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const { devDependencies: tools, ...own } = lock.packages[''];
  const packages = Object.entries(lock.packages).filter(([, { dev }]) => dev !== true);
  return inStage((stage) => {
    writeJson(join(stage, 'package.json'), manifest);
    writeJson(join(stage, 'package-lock.json'), {
      ...lock,
      packages: { ...Object.fromEntries(packages), '': own },
    });
    return npm(['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], stage);
  });
}

/** Packs a folder that has the released package.json. Answers the tarball's name. */
function pack(manifest, out) {
  return inStage((stage) => {
    for (const name of manifest.files.filter((entry) => !entry.startsWith('!'))) {
      cpSync(join(root, name), join(stage, name), { recursive: true });
    }
    writeJson(join(stage, 'package.json'), releasedManifest(manifest, process.env));
    const [packed] = JSON.parse(npm(['pack', '--json', '--pack-destination', out], stage));
    return packed.filename;
  });
}

/** A folder that is called as the package is, and gone afterwards. */
function inStage(work) {
  const folder = mkdtempSync(join(tmpdir(), 'coffer-release-'));
  try {
    const stage = join(folder, 'coffer');
    mkdirSync(stage);
    return work(stage);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeJson(path, value) {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Provenance is refused where `repository` is not the place that the build ran for. */
function releasedManifest({ private: _, scripts, devDependencies, ...manifest }, env) {
  const dependencies = Object.entries(manifest.dependencies).filter(([name]) => !isBundled(name));
  const repository =
    env.GITHUB_REPOSITORY === undefined
      ? {}
      : {
          repository: {
            type: 'git',
            url: `git+${env.GITHUB_SERVER_URL ?? 'https://github.com'}/${env.GITHUB_REPOSITORY}.git`,
          },
        };
  return { ...manifest, ...repository, dependencies: Object.fromEntries(dependencies) };
}

/** As `sha256sum --check` reads them. */
function writeSums(out, names) {
  const lines = names.map((name) => {
    const digest = createHash('sha256')
      .update(readFileSync(join(out, name)))
      .digest('hex');
    return `${digest}  ${name}\n`;
  });
  writeFileSync(join(out, 'SHA256SUMS'), lines.join(''));
}

function npm(words, cwd) {
  return run('npm', words, cwd);
}

function run(command, words, cwd) {
  return execFileSync(command, words, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  });
}
