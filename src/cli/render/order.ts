/** What is to be rendered, and where it goes. */
import type { FileWishes } from './rendered-file.ts';

export interface Order {
  readonly what:
    | { readonly kind: 'template'; readonly file: string }
    /** A secret's own bytes. */
    | { readonly kind: 'secret'; readonly name: string; readonly field: string | undefined };
  /** Undefined for standard output. */
  readonly destination: FileWishes | undefined;
}

export function shownSource({ what }: Order): string {
  return what.kind === 'template' ? what.file : `secret ${what.name}`;
}
