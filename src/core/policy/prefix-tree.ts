/** Beginnings of texts, in a tree whose edges hold several characters each (Morrison, "PATRICIA", 1968). */

interface Node<T> {
  label: string;
  value: T | undefined;
  readonly children: Map<number, Node<T>>;
}

export class PrefixTree<T> {
  readonly #root: Node<T> = { label: '', value: undefined, children: new Map() };

  /** Puts a value at a beginning, in place of the one that is there. */
  set(prefix: string, value: T): void {
    let node = this.#root;
    let position = 0;
    while (position < prefix.length) {
      const child = node.children.get(prefix.charCodeAt(position));
      if (child === undefined) {
        const leaf = { label: prefix.slice(position), value, children: new Map() };
        node.children.set(prefix.charCodeAt(position), leaf);
        return;
      }
      const shared = sharedLength(child.label, prefix, position);
      if (shared < child.label.length) split(child, shared);
      position += shared;
      node = child;
    }
    node.value = value;
  }

  /** The value of the longest beginning of what stands in `text` from `start` on. One walk down, whatever else the tree holds. */
  longest(text: string, start = 0): T | undefined {
    let node = this.#root;
    let position = start;
    let found = node.value;
    for (;;) {
      const child = node.children.get(text.charCodeAt(position));
      if (child === undefined || !text.startsWith(child.label, position)) return found;
      position += child.label.length;
      node = child;
      if (node.value !== undefined) found = node.value;
    }
  }
}

function sharedLength(label: string, text: string, start: number): number {
  let length = 0;
  while (length < label.length && label.charCodeAt(length) === text.charCodeAt(start + length)) length++;
  return length;
}

/** Cuts an edge: the node keeps the first part and gets one child with the rest. */
function split<T>(node: Node<T>, length: number): void {
  const rest: Node<T> = {
    label: node.label.slice(length),
    value: node.value,
    children: new Map(node.children),
  };
  node.children.clear();
  node.children.set(rest.label.charCodeAt(0), rest);
  node.label = node.label.slice(0, length);
  node.value = undefined;
}
