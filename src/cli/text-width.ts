/**
 * Cells that text takes on a terminal: Unicode Standard Annex 11 (wide and full-width take two), combining marks none. What
 * belongs together (a letter and its accents, a family of emoji) is one grapheme cluster (Annex 29) and never cut.
 */
const zero = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;
const pictograph = /\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|\p{Regional_Indicator}{2}/u;

/** First and last code points of the ranges that Annex 11 calls W or F, joined where only unassigned ones lie between. */
const wide: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x1aff0, 0x1b2ff],
  [0x20000, 0x3fffd],
];

export function textWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of clusters(text)) width += clusterWidth(segment);
  return width;
}

/** The text, cut to at most `width` cells; what was cut ends in `…`. */
export function fitText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of clusters(text)) {
    const cells = clusterWidth(segment);
    if (used + cells > width - 1) break;
    kept += segment;
    used += cells;
  }
  return `${kept}…`;
}

let segmenter: Intl.Segmenter | undefined;

/** Made when first needed: it costs some 10 ms, and most tables are plain ASCII. */
function clusters(text: string): Iterable<{ readonly segment: string }> {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return segmenter.segment(text);
}

function clusterWidth(cluster: string): number {
  if (zero.test(cluster)) return 0;
  if (pictograph.test(cluster)) return 2;
  const point = cluster.codePointAt(0) ?? 0;
  return wide.some(([first, last]) => point >= first && point <= last) ? 2 : 1;
}
