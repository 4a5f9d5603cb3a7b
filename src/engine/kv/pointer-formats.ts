/** The versions of a secret's pointer (`pointer.ts`) that programs have written. */
import type { Formats } from '../engine.ts';

export const rowsFormat = 2;
export const textFormat = 3;

/** The name under which nodes agree on the newest version that is written. */
export const pointerFormat = 'kv/pointer';

export const pointerFormats: Formats = {
  [pointerFormat]: { reads: textFormat, writes: textFormat, first: rowsFormat },
};
