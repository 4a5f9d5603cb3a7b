/** Finds the endpoint for a path below a mount: a tree of segments, built once a mount, when it is first asked for a path. */
import type { Endpoint, EndpointOperation } from './endpoint.ts';

export interface EndpointMatch {
  readonly endpoint: Endpoint;
  readonly params: Readonly<Record<string, string>>;
}

interface Node {
  readonly literals: Map<string, Node>;
  capture?: Node;
  /** Endpoint that ends here. */
  here?: Leaf;
  /** Endpoint whose last segment takes the rest. */
  rest?: Leaf;
}

interface Leaf {
  readonly endpoint: Endpoint;
  readonly names: readonly string[];
}

export class EndpointTable {
  #tree: Node | undefined;
  readonly endpoints: readonly Endpoint[];

  constructor(endpoints: readonly Endpoint[]) {
    this.endpoints = endpoints;
  }

  /**
   * `path` is relative to the mount; a trailing `/` names the folder and matters only to patterns that take the rest. An
   * endpoint that has the operation is preferred; without one, any that has the path.
   */
  match(path: string, operation: EndpointOperation | undefined): EndpointMatch | undefined {
    this.#tree ??= treeOf(this.endpoints);
    let values: string[] = [];
    let leaf = find(this.#tree, path, 0, values, operation);
    if (leaf === undefined && operation !== undefined) {
      values = [];
      leaf = find(this.#tree, path, 0, values, undefined);
    }
    if (leaf === undefined) return undefined;
    // Its names are the pattern's own.
    const params: Record<string, string> = {};
    for (const [index, name] of leaf.names.entries()) params[name] = values[index] ?? '';
    return { endpoint: leaf.endpoint, params };
  }
}

function treeOf(endpoints: readonly Endpoint[]): Node {
  const root: Node = { literals: new Map() };
  for (const endpoint of endpoints) add(root, endpoint);
  return root;
}

function add(root: Node, endpoint: Endpoint): void {
  let node = root;
  const names: string[] = [];
  for (const segment of endpoint.pattern === '' ? [] : endpoint.pattern.split('/')) {
    if (segment.startsWith(':') && segment.endsWith('*')) {
      names.push(segment.slice(1, -1));
      node.rest = { endpoint, names };
      return;
    }
    if (segment.startsWith(':')) {
      names.push(segment.slice(1));
      node.capture ??= { literals: new Map() };
      node = node.capture;
    } else {
      const next: Node = node.literals.get(segment) ?? { literals: new Map() };
      node.literals.set(segment, next);
      node = next;
    }
  }
  node.here = { endpoint, names };
}

/** Literal before capture before rest; `values` holds the captures of the branch being tried. */
function find(
  node: Node,
  path: string,
  from: number,
  values: string[],
  operation: EndpointOperation | undefined,
): Leaf | undefined {
  if (from >= path.length) {
    if (serves(node.here, operation)) return node.here;
    if (!serves(node.rest, operation)) return undefined;
    values.push('');
    return node.rest;
  }
  const slash = path.indexOf('/', from);
  const end = slash < 0 ? path.length : slash;
  const segment = path.slice(from, end);
  const depth = values.length;
  const literal = node.literals.get(segment);
  if (literal !== undefined) {
    const found = find(literal, path, end + 1, values, operation);
    if (found !== undefined) return found;
    values.length = depth;
  }
  if (node.capture !== undefined && segment !== '') {
    values.push(segment);
    const found = find(node.capture, path, end + 1, values, operation);
    if (found !== undefined) return found;
    values.length = depth;
  }
  if (!serves(node.rest, operation)) return undefined;
  values.push(path.slice(from));
  return node.rest;
}

function serves(leaf: Leaf | undefined, operation: EndpointOperation | undefined): leaf is Leaf {
  return leaf !== undefined && (operation === undefined || leaf.endpoint.operations[operation] !== undefined);
}
