// Which chunks of a bundle go into one file. The bundler makes a chunk of whatever the same set of entries reaches, and each `import()` is an
// entry: the more is loaded when it is used, the more small files the rest falls into.
import { importsOf, loadsOf } from './chunk-loads.mjs';

/** Node takes a file as long as it takes this many bytes. */
const bytesOfAFile = 5_000;

/** What Node has loaded before a program runs. Everything else that is asked for is work, and in vain where it is not used. */
const loadedByNode = [
  'buffer',
  'events',
  'fs',
  'path',
  'querystring',
  'string_decoder',
  'timers',
  'url',
  'util',
];
const costsNothing = new Set(loadedByNode.map((name) => `node:${name}`));

/**
 * Which chunks of `outputs`, the bundler's metafile, belong together: lists of two or more paths. Two files become one where that spares the entries
 * more files than it gives them code in vain, each entry counted with all that is always loaded before it. What a root loads at its
 * start gets nothing that it does not load anyway; no package, no module of Node's and no third file is loaded earlier; no two files come
 * to import each other. Entries stay files of their own, since they are imported by name.
 */
export function chunkGroups(outputs, roots) {
  const { files, asked } = filesOf(outputs, roots);
  let open = files.filter(({ paths: [path], entries }) => !outputs[path].entryPoint && entries.size > 0);
  for (let pair = best(open); pair !== undefined; pair = best(open)) {
    join(files, ...pair);
    open = open.filter((file) => file !== pair[1]);
  }
  return open.map(({ paths }) => paths).filter((paths) => paths.length > 1);

  function best(candidates) {
    let most = 0;
    let found;
    for (const [at, one] of candidates.entries()) {
      for (const other of candidates.slice(at + 1)) {
        const spared = sparedBy(one, other);
        if (spared <= most || isBetween(one, other) || isBetween(other, one)) continue;
        most = spared;
        found = [one, other];
      }
    }
    return found;
  }

  /** Bytes, files counted as such, that all entries together are spared if two files are one. */
  function sparedBy(one, other) {
    const both = [...one.entries].filter((entry) => other.entries.has(entry)).length;
    if (both === 0 || roots.some((root) => one.entries.has(root) !== other.entries.has(root))) return 0;
    return both * bytesOfAFile - inVain(one, other) - inVain(other, one);
  }

  /** What those who load a file, and not that stranger, would load with it. */
  function inVain(file, stranger) {
    const without = [...file.entries].filter((entry) => !stranger.entries.has(entry));
    const brings =
      [...stranger.asks].some((name) => without.some((entry) => !asked.get(entry).has(name))) ||
      [...stranger.imports].some((third) => without.some((entry) => !third.entries.has(entry)));
    return brings ? Number.POSITIVE_INFINITY : without.length * stranger.bytes;
  }
}

/** Each chunk as a file of its own, and what each entry asks of packages and of Node. */
function filesOf(outputs, roots) {
  const loads = loadsOf(outputs, roots);
  const asksOf = (path) =>
    outputs[path].imports
      .filter((each) => each.external && each.kind === 'import-statement' && !costsNothing.has(each.path))
      .map((each) => each.path);
  const asked = new Map([...loads].map(([entry, paths]) => [entry, new Set([...paths].flatMap(asksOf))]));
  const holder = new Map(
    Object.keys(outputs).map((path) => {
      const entries = new Set([...loads.keys()].filter((entry) => loads.get(entry).has(path)));
      return [path, { paths: [path], bytes: outputs[path].bytes, entries, asks: new Set(asksOf(path)) }];
    }),
  );
  for (const [path, file] of holder) {
    file.imports = new Set(importsOf(outputs, path).map((each) => holder.get(each)));
  }
  return { files: [...holder.values()], asked };
}

/** Whether a third file stands between two: it would import, and be imported by, what these two became. */
function isBetween(one, other) {
  const seen = new Set();
  const waiting = [...one.imports].filter((file) => file !== other);
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    if (file.imports.has(other)) return true;
    seen.add(file);
    waiting.push(...file.imports);
  }
  return false;
}

function join(files, kept, gone) {
  kept.paths.push(...gone.paths);
  kept.bytes += gone.bytes;
  for (const entry of gone.entries) kept.entries.add(entry);
  for (const name of gone.asks) kept.asks.add(name);
  for (const file of gone.imports) kept.imports.add(file);
  for (const file of files) if (file.imports.delete(gone)) file.imports.add(kept);
  kept.imports.delete(kept);
}
