/** Rows of the catalog whose code is loaded when it is asked for. */
import { CofferError } from '../errors.ts';

/**
 * A row of these facts; the type that `load` resolves to has the same. It is loaded once; what could not be loaded, is tried again when
 * it is asked for again.
 */
export function lazyRow<F extends { readonly type: string }, T>(
  facts: F,
  load: () => Promise<T>,
): F & { load(): Promise<T> } {
  let loading: Promise<T> | undefined;
  return {
    ...facts,
    load() {
      loading ??= load().catch((error: unknown) => {
        loading = undefined;
        throw new CofferError(
          'unavailable',
          `the code of "${facts.type}" cannot be loaded: was the program replaced while it ran? Then restart it`,
          { cause: error },
        );
      });
      return loading;
    },
  };
}
