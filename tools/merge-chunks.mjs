// Puts chunks of a bundle together that are mostly loaded together: Node takes a file as long as it takes ten kilobytes.
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join, posix } from 'node:path';
import { build } from 'esbuild';
import { chunkGroups } from './chunk-groups.mjs';
import { importsOf } from './chunk-loads.mjs';

/** Rewrites a bundle that was made with splitting. `outputs` are its metafile's, `options` what it was made with. */
export async function mergeChunks(root, outputs, roots, options) {
  const chunks = Object.fromEntries(Object.entries(outputs).filter(([path]) => !path.endsWith('.map')));
  const groups = new Map(chunkGroups(chunks, roots).map((paths) => [fileOf(paths), paths]));
  const place = new Map([...groups].flatMap(([file, paths]) => paths.map((path) => [path, file])));
  const touched = Object.keys(chunks).filter(
    (path) => !place.has(path) && importsOf(chunks, path).some((each) => place.has(each)),
  );
  const written = await Promise.all([...groups.keys(), ...touched].map(rewritten));
  for (const path of place.keys()) {
    for (const each of [path, `${path}.map`]) rmSync(join(root, each), { force: true });
  }
  for (const { path, contents } of written.flat()) writeFileSync(path, contents);

  async function rewritten(file) {
    const { outputFiles } = await build({
      ...options,
      absWorkingDir: root,
      bundle: true,
      outfile: file,
      write: false,
      ...(groups.has(file)
        ? { stdin: { contents: everythingOf(groups.get(file)), resolveDir: root } }
        : { entryPoints: [join(root, file)] }),
      plugins: [otherFiles(file)],
    });
    return outputFiles;
  }

  /** What is not in a file stays outside of it, under the name of the file where it is by now. */
  function otherFiles(file) {
    const isInside = (path) => path === file || place.get(path) === file;
    return {
      name: 'other-files',
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
          kind === 'entry-point' ? undefined : { path, external: true },
        );
        onResolve({ filter: /^\.\.?\//, namespace: 'joined' }, ({ path }) => ({ path, external: true }));
        onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) => {
          const target = posix.relative(root, posix.join(resolveDir, path));
          if (kind === 'dynamic-import' || !(isInside(target) || place.has(target))) {
            return { path, external: true };
          }
          // Its short name stands in source maps, which are the same for each build.
          return isInside(target)
            ? undefined
            : { path: basename(path), namespace: 'joined', pluginData: target };
        });
        onLoad({ filter: /./, namespace: 'joined' }, ({ pluginData: path }) => {
          const names = namesOf(path).map(([name, joined]) => `${joined} as ${name}`);
          const from = posix.relative(dirname(file), place.get(path));
          return { contents: `export { ${names.join(', ')} } from './${from}';`, resolveDir: root };
        });
      },
    };
  }

  function everythingOf(paths) {
    return paths
      .map((path) => {
        const names = namesOf(path).map(([name, joined]) => `${name} as ${joined}`);
        return `import './${path}';export { ${names.join(', ')} } from './${path}';`;
      })
      .join('\n');
  }

  /** A chunk's exports, and the names that they have among those of all chunks in its file. */
  function namesOf(path) {
    const number = groups.get(place.get(path)).indexOf(path);
    return chunks[path].exports.map((name) => [name, `c${number}_${name}`]);
  }
}

/** Beside the first of its chunks, and named after all of them, whose names say what is in them. */
function fileOf(paths) {
  const names = paths.map((path) => basename(path)).join();
  const mark = createHash('sha256')
    .update(names)
    .digest('base64url')
    .replace(/\W|_/g, '')
    .slice(0, 8)
    .toUpperCase();
  const [first] = paths;
  return `${dirname(first)}/joined-${mark}${extname(first)}`;
}
