/** Rows as aligned text for a terminal. */
import { fitText, textWidth } from './text-width.ts';

const gap = '  ';
/** A column is never cut below this, even if lines then wrap. */
const narrowest = 6;

/**
 * @param lines rows of cells, each of one line and as many cells; the heading is simply the first
 * @param width cells of the terminal
 */
export function layTable(lines: readonly (readonly string[])[], width: number): string[] {
  const widths = fitted(naturalWidths(lines), width);
  return lines.map((cells) =>
    cells
      .map((cell, column) => pad(fitText(cell, widths[column] ?? 0), widths[column] ?? 0))
      .join(gap)
      .trimEnd(),
  );
}

/** As `layTable`, but nothing is cut: for values that somebody may want to copy. */
export function layRecord(lines: readonly (readonly string[])[]): string[] {
  return layTable(lines, Number.POSITIVE_INFINITY);
}

function naturalWidths(lines: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const cells of lines) {
    for (const [column, cell] of cells.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, textWidth(cell));
    }
  }
  return widths;
}

/** Takes from the widest column, cell by cell in effect, until the row fits. */
function fitted(natural: readonly number[], width: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, cells) => sum + cells, 0) + gap.length * (widths.length - 1) - width;
  while (excess > 0) {
    const widest = Math.max(...widths);
    const next = Math.max(narrowest, ...widths.filter((cells) => cells < widest));
    if (widest <= narrowest) break;
    const wideOnes = widths.filter((cells) => cells === widest).length;
    const step = Math.max(1, Math.min(widest - next, Math.floor(excess / wideOnes)));
    for (const [column, cells] of widths.entries()) {
      if (cells !== widest || excess <= 0) continue;
      widths[column] = cells - step;
      excess -= step;
    }
  }
  return widths;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)));
}
