/** Names as a drawing, made while they are listed: a line is known as soon as one more name is. */
import { below } from './secret-name.ts';
import type { SecretSafe } from './secret-safe.ts';
import { escapeLine } from './terminal-text.ts';
import type { Ui } from './ui.ts';
import { goesDown, isInner, namesIn, permitted } from './walk.ts';

export interface Drawing {
  readonly ui: Pick<Ui, 'paint'>;
  /** What stands at the top. */
  readonly top: string;
  /** Levels to go down. */
  readonly depth: number;
  /** Called for each folder that may not be listed. */
  readonly denied: () => void;
}

/** The lines, ready for the terminal; none for a folder without names. */
export async function* drawTree(safe: SecretSafe, folder: string, drawing: Drawing): AsyncGenerator<string> {
  let first = true;
  for await (const line of branches(safe, folder, '', drawing.depth, drawing)) {
    if (first) yield drawing.ui.paint(`${escapeLine(drawing.top)}/`, 'folder');
    first = false;
    yield line;
  }
}

async function* branches(
  safe: SecretSafe,
  folder: string,
  indent: string,
  depth: number,
  drawing: Drawing,
): AsyncGenerator<string> {
  let refused = false;
  const names = permitted(namesIn(safe, folder), folder, () => {
    refused = true;
    drawing.denied();
  });
  for await (const { name, last } of withLast(names)) {
    const shown = escapeLine(name);
    yield `${indent}${last ? '└── ' : '├── '}${isInner(name) ? drawing.ui.paint(shown, 'folder') : shown}`;
    if (!isInner(name) || depth <= 1 || !goesDown(name)) continue;
    const inner = below(folder, name).slice(0, -1);
    yield* branches(safe, inner, `${indent}${last ? '    ' : '│   '}`, depth - 1, drawing);
  }
  if (refused) yield `${indent}└── ${drawing.ui.paint('(permission denied)', 'removed')}`;
}

async function* withLast(names: AsyncIterable<string>): AsyncGenerator<{ name: string; last: boolean }> {
  let held: string | undefined;
  for await (const name of names) {
    if (held !== undefined) yield { name: held, last: false };
    held = name;
  }
  if (held !== undefined) yield { name: held, last: true };
}
