/** Tables in the old program's layout. */
import { textWidth } from '../text-width.ts';

/** Rows with a heading, which is underlined word by word. An empty cell shows as `n/a`. */
export function underlined(rows: readonly (readonly string[])[], gap = 4): readonly string[] {
  const [heading = [], ...rest] = rows;
  return aligned([heading, heading.map((word) => '-'.repeat(word.length)), ...rest], gap);
}

/** Rows without underlining, `gap` blanks apart. */
export function aligned(rows: readonly (readonly string[])[], gap = 4): readonly string[] {
  const shown = rows.map((cells) => cells.map((cell) => (cell === '' ? 'n/a' : cell)));
  const widths: number[] = [];
  for (const cells of shown) {
    for (const [column, cell] of cells.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, textWidth(cell));
    }
  }
  return shown.map((cells) =>
    cells
      .map((cell, column) =>
        column === cells.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - textWidth(cell) + gap),
      )
      .join(''),
  );
}

/** A heading between equal signs, about as wide as what stands below it. */
export function banner(heading: string, width: number): string {
  const signs = Math.max(2, width - heading.length - 2);
  const half = '='.repeat(Math.ceil(signs / 2));
  return `${half} ${heading} ${half}`;
}
