/** Where clients reach this node, as it tells the others: asked for by the node before its listeners are open, and known after. */
import { hostname } from 'node:os';

export class AdvertisedAddress {
  #url = '';
  /** A URL; empty until it is known. */
  readonly get = () => this.#url;

  /** @param configured what the configuration says; it counts @param listener the first listener's URL */
  set(configured: string | undefined, listener: string | undefined): void {
    this.#url = configured ?? reachable(listener ?? '');
  }
}

/** A listener on every address of the machine is reached by the machine's name. */
function reachable(url: string): string {
  return url.replace(/\/\/(0\.0\.0\.0|\[::\])(?=:)/, `//${hostname()}`);
}
