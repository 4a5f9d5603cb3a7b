/** The pieces that the scripts of all shells are made of. */
import { type CompletedOption, type CompletionModel, elsewhereOptions } from './model.ts';

/** A shell's way to write a function that answers by its arguments, joined with a space. */
export interface CaseWriter {
  /** @param branches what is answered (words joined by spaces), by pattern; the first that matches counts */
  answers(name: string, branches: readonly (readonly [pattern: string, answer: string])[]): string;
  /** A pattern that matches `text`, behind anything if `anywhere`. */
  pattern(text: string, anywhere?: boolean): string;
}

/**
 * Four functions: the verbs of a word, the options of a command, what an option takes (a kind of value, or `=` and its
 * choices; nothing for a flag), and what its operands are (`...` for more of the last).
 */
export function dataFunctions(model: CompletionModel, writer: CaseWriter): string {
  const { pattern } = writer;
  const verbs = [...model.verbs].map(([word, known]) => [pattern(word), known.join(' ')] as const);
  const options = model.commands.map((command) => {
    const names = command.options.flatMap((option) => option.names);
    return [pattern(command.name), names.join(' ')] as const;
  });
  const operands = model.commands.map((command) => {
    const kinds = [...command.operands, ...(command.repeats ? ['...'] : [])];
    return [pattern(command.name), kinds.join(' ')] as const;
  });
  return [
    writer.answers('verbs', verbs),
    writer.answers('options', options),
    writer.answers('value', values(model, writer)),
    writer.answers('operands', operands),
    writer.answers(
      'elsewhere',
      elsewhereOptions.map((option) => [pattern(option), 'yes'] as const),
    ),
  ].join('\n');
}

/** Most options mean the same everywhere: they need one line, and only what differs one for each command. */
function values(model: CompletionModel, { pattern }: CaseWriter): readonly (readonly [string, string])[] {
  const meanings = new Map<string, Map<string, string[]>>();
  for (const { name, options } of model.commands) {
    for (const option of options) {
      for (const written of option.names) {
        const meaning = meanings.get(written) ?? new Map<string, string[]>();
        const answer = valueWords(option);
        meaning.set(answer, [...(meaning.get(answer) ?? []), name]);
        meanings.set(written, meaning);
      }
    }
  }
  return [...meanings].flatMap(([option, meaning]): (readonly [string, string])[] => {
    const [only] = meaning.keys();
    if (meaning.size === 1) return only === '' ? [] : [[pattern(option, true), only ?? '']];
    return [...meaning].flatMap(([answer, names]) =>
      answer === '' ? [] : names.map((name) => [pattern(`${name} ${option}`), answer] as const),
    );
  });
}

function valueWords({ value }: CompletedOption): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : ['=', ...value].join(' ');
}
