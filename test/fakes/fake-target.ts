/** Places where credentials are delivered to, as readers see them. They write what changed and nothing else, as a bucket does. */
import type {
  DocumentName,
  OpenTarget,
  Parcel,
  TargetSurroundings,
  TargetType,
} from '../../src/delivery/target.ts';
import type { Around } from './fake-provider.ts';

export type Shelf = { [N in DocumentName]?: string };

/** Told of all that a target is handed. */
export type Spy = (parcel: Parcel, surroundings: TargetSurroundings) => void;

export class FakeTargets {
  /** By address, then application. */
  readonly shelves = new Map<string, Map<string, Shelf>>();

  shelf(address: string, application: string): Shelf {
    return this.shelves.get(address)?.get(application) ?? {};
  }

  /** As one node has them, below `fake:`. Addresses up to the first `/` are one place. */
  type(around: Around = (_name, effect) => effect(), spy: Spy = () => undefined): TargetType {
    return {
      scheme: 'fake',
      summary: 'shelves of a test',
      parse: (address) => address,
      open: (address, surroundings) => this.#open(address, around, (parcel) => spy(parcel, surroundings)),
    };
  }

  #open(address: string, around: Around, spy: (parcel: Parcel) => void): OpenTarget {
    return {
      place: address.split('/')[0] ?? address,
      probe: () => around(`probe ${address}`, async () => undefined),
      deliver: (parcel) => {
        spy(parcel);
        return around(`deliver ${address}`, async () => this.#put(address, parcel));
      },
      remove: (application) =>
        around(`remove ${address}`, async () => void this.shelves.get(address)?.delete(application)),
      close() {},
    };
  }

  #put(address: string, { application, documents, changed }: Parcel): void {
    const shelves = this.shelves.get(address) ?? new Map<string, Shelf>();
    this.shelves.set(address, shelves);
    const shelf = { ...shelves.get(application) };
    for (const name of changed) {
      const document = documents[name];
      if (document !== undefined) shelf[name] = document.text;
    }
    shelves.set(application, shelf);
  }
}
