/** Values as text: what `{{ … }}` prints, which is what Python's `str` says. */
import type { Budget } from './budget.ts';
import { Problem } from './problem.ts';
import { Bytes, Dict, isList, kindOf, present, type Value } from './value.ts';

/** Throws a problem for what has no text: bytes, functions, a secret of several fields. */
export function textOf(value: Value, budget: Budget): string {
  const known = present(value);
  if (typeof known === 'string') return known;
  if (isList(known) || known instanceof Dict) return shown(known, budget);
  return scalarText(known);
}

function scalarText(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return numberText(value);
  if (value instanceof Bytes)
    throw new Problem('bytes that are no text cannot be printed; b64encode makes text of them');
  if (typeof value === 'object' && 'kind' in value)
    throw new Problem('secrets are printed one by one, by their names');
  throw new Problem(`${kindOf(value)} cannot be printed`);
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}

/** Python's `repr`, of lists and maps. */
function shown(value: Value, budget: Budget): string {
  const known = present(value);
  if (typeof known === 'string') {
    budget.text(known.length);
    return quoted(known);
  }
  if (isList(known)) {
    return budget.deeper(
      () =>
        `[${joined(
          known.map((each) => () => shown(each, budget)),
          budget,
        )}]`,
    );
  }
  if (!(known instanceof Dict)) return scalarText(known);
  if (known.secret !== undefined) {
    const fields = [...known.entries.keys()].map(String).join(', ');
    throw new Problem(
      `the secret ${known.secret} has several fields, so name one of them: ${fields.slice(0, 200)}`,
    );
  }
  const entries = [...known.entries].map(
    ([key, each]) =>
      () =>
        `${shown(key, budget)}: ${shown(each, budget)}`,
  );
  return budget.deeper(() => `{${joined(entries, budget)}}`);
}

function joined(parts: readonly (() => string)[], budget: Budget): string {
  let text = '';
  for (const [index, part] of parts.entries()) {
    const next = part();
    budget.text(next.length);
    text += (index === 0 ? '' : ', ') + next;
    if (text.length > budget.output) budget.text(text.length);
  }
  return text;
}

/** Python takes double quotes only where that saves a backslash. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\'"\n\r\t\u0000-\u001f\u007f]/g, (character) => escapeOf(character, quote));
  return quote + escaped + quote;
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeOf(character: string, quote: string): string {
  if (character === '"' || character === "'") return character === quote ? `\\${character}` : character;
  return escapes[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
