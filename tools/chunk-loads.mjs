// What of a bundle is loaded when: the chunks behind each `import()`, those included that are always loaded before it.

/** The chunks that one needs before it runs, as the bundler's metafile names them. */
export const importsOf = (outputs, path) => importedFrom(outputs, path, 'import-statement');

/**
 * For each entry of `outputs`, the metafile's, all chunks that are loaded once it is, whichever way led there from `roots`. Of ways that differ
 * that is what they have in common: the greatest solution, looked for from above.
 */
export function loadsOf(outputs, roots) {
  const entries = Object.keys(outputs).filter((path) => outputs[path].entryPoint !== undefined);
  const own = new Map(entries.map((entry) => [entry, startOf(outputs, entry)]));
  const importers = importersOf(outputs);
  const loaded = new Map(roots.map((root) => [root, own.get(root)]));
  const atHand = (path) =>
    inAll(entries.filter((each) => own.get(each).has(path)).map((each) => loaded.get(each)));
  for (let changed = true; changed; ) {
    changed = false;
    for (const entry of entries.filter((each) => !roots.includes(each))) {
      const before = inAll((importers.get(entry) ?? []).map(atHand));
      if (before === undefined) continue;
      const found = new Set([...own.get(entry), ...before]);
      if (found.size === loaded.get(entry)?.size) continue;
      loaded.set(entry, found);
      changed = true;
    }
  }
  return loaded;
}

/** Everything that an entry loads before it runs, itself included. */
function startOf(outputs, entry) {
  const found = new Set();
  const add = (path) => {
    if (found.has(path)) return;
    found.add(path);
    for (const each of importsOf(outputs, path)) add(each);
  };
  add(entry);
  return found;
}

/** Who has an `import()` of each entry. */
function importersOf(outputs) {
  const importers = new Map();
  for (const path of Object.keys(outputs)) {
    for (const entry of importedFrom(outputs, path, 'dynamic-import')) {
      importers.set(entry, [...(importers.get(entry) ?? []), path]);
    }
  }
  return importers;
}

function importedFrom(outputs, path, kind) {
  return outputs[path].imports
    .filter((each) => each.kind === kind && outputs[each.path] !== undefined)
    .map((each) => each.path);
}

/** What is in every set that is known by now; undefined while none is. */
function inAll(sets) {
  const [first, ...others] = sets.filter((each) => each !== undefined);
  return first && new Set([...first].filter((path) => others.every((each) => each.has(path))));
}
