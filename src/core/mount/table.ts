/** The mounts as a node routes by them: decoded, with an engine instance each, under the epoch they were read in. */
import type { Engine } from '../../engine/engine.ts';
import type { EndpointTable } from '../endpoint-table.ts';
import type { MountEntry } from './entry.ts';

export interface Mount {
  readonly entry: MountEntry;
  readonly engine: Engine;
  readonly endpoints: EndpointTable;
}

export interface RouteMatch {
  readonly mount: Mount;
  /** The rest of the request's path. */
  readonly path: string;
}

export class MountTable {
  readonly mounts: readonly Mount[];
  readonly #byPath = new Map<string, Mount>();
  readonly #byUuid = new Map<string, Mount>();

  constructor(mounts: readonly Mount[]) {
    this.mounts = mounts.toSorted((a, b) => (a.entry.path < b.entry.path ? -1 : 1));
    for (const mount of mounts) {
      this.#byPath.set(mount.entry.path, mount);
      this.#byUuid.set(mount.entry.uuid, mount);
    }
  }

  /** The longest mount path that the request path starts with; a mount's own path counts without its last `/` too. */
  route(path: string): RouteMatch | undefined {
    let found: RouteMatch | undefined;
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const mount = this.#byPath.get(path.slice(0, slash + 1));
      if (mount !== undefined) found = { mount, path: path.slice(slash + 1) };
    }
    const whole = this.#byPath.get(`${path}/`);
    return whole === undefined ? found : { mount: whole, path: '' };
  }

  at(path: string): Mount | undefined {
    return this.#byPath.get(path);
  }

  byUuid(uuid: string): Mount | undefined {
    return this.#byUuid.get(uuid);
  }

  /** A mount whose path is above, below or the same. */
  conflicting(path: string): Mount | undefined {
    return this.mounts.find(({ entry }) => entry.path.startsWith(path) || path.startsWith(entry.path));
  }
}
