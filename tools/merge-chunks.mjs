// Puts chunks together that are always loaded together. The bundler makes a chunk of whatever the same set of entries reaches, and each
// `import()` is an entry: the more is loaded when it is used, the more small files the rest falls into, and Node takes a file as long
// as it takes ten kilobytes.
import { basename, join } from 'node:path';
import { build } from 'esbuild';

const common = 'common.mjs';

/**
 * The files of a bundle with splitting, all in one folder, as `{ name, text }`: those that every one of `entries` loads at its start are one,
 * `common`, and what is left takes from there what it took from them. `outputs` are the metafile's.
 */
export async function mergeChunks(root, outputs, entries, options) {
  const [first, ...others] = entries.map((entry) => startOf(outputs, entry));
  const shared = [...first].filter(
    (path) => others.every((each) => each.has(path)) && !entries.includes(path),
  );
  const numbers = new Map(shared.map((path, number) => [path, number]));
  const settings = { ...options, absWorkingDir: root, bundle: true, write: false, logLevel: 'warning' };
  const merged = await build({
    ...settings,
    stdin: { contents: everythingOf(outputs, shared), resolveDir: root },
    plugins: [outside((path, kind) => kind === 'dynamic-import' || !numbers.has(path))],
  });
  const rest = Object.keys(outputs).filter((path) => path.endsWith('.mjs') && !numbers.has(path));
  const files = await Promise.all(
    rest.map(async (path) => {
      const { outputFiles } = await build({
        ...settings,
        entryPoints: [path],
        plugins: [takenFromCommon(root, outputs, numbers), outside((_, kind) => kind !== 'entry-point')],
      });
      return { name: basename(path), text: outputFiles[0].text };
    }),
  );
  return [{ name: common, text: merged.outputFiles[0].text }, ...files];

  function outside(isOutside) {
    return {
      name: 'outside',
      setup({ onResolve }) {
        onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) => {
          if (path === `./${common}`) return { path, external: true };
          const target = join(resolveDir, path).slice(root.length).replace(/^\//, '');
          return isOutside(target, kind) ? { path: `./${basename(path)}`, external: true } : undefined;
        });
      },
    };
  }
}

/** Everything that an entry loads before it runs, itself included. */
function startOf(outputs, entry) {
  const found = new Set();
  const add = (path) => {
    if (found.has(path) || outputs[path] === undefined) return;
    found.add(path);
    for (const each of outputs[path].imports) if (each.kind === 'import-statement') add(each.path);
  };
  add(entry);
  return found;
}

/** An entry that has all exports of all chunks, each under a name of its own. */
function everythingOf(outputs, shared) {
  return shared
    .map((path, number) => {
      const names = outputs[path].exports.map((each) => `${each} as c${number}_${each}`);
      return `import './${path}';export { ${names.join(', ')} } from './${path}';`;
    })
    .join('\n');
}

/** A chunk that went into the common one is what it exports from there. */
function takenFromCommon(root, outputs, numbers) {
  return {
    name: 'taken-from-common',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) => {
        const target = join(resolveDir, path).slice(root.length).replace(/^\//, '');
        if (kind === 'entry-point' || !numbers.has(target)) return undefined;
        return { path: target, namespace: 'common' };
      });
      onLoad({ filter: /./, namespace: 'common' }, ({ path }) => {
        const number = numbers.get(path);
        const names = outputs[path].exports.map((each) => `c${number}_${each} as ${each}`);
        return { contents: `export { ${names.join(', ')} } from './${common}';`, resolveDir: root };
      });
    },
  };
}
