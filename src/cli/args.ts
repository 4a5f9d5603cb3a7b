/**
 * From the words of a command line to a command's typed input. Messages name options, never the values given: a value may be a
 * secret that slipped into the wrong place.
 */
import { parseArgs } from 'node:util';
import { CofferError } from '../errors.ts';
import { suggest } from '../suggest.ts';
import {
  type Command,
  commonOptions,
  type Input,
  type Operands,
  type OperandTypes,
  type OptionSpec,
  type Options,
} from './command.ts';

type Value = string | number | boolean | readonly string[] | undefined;
type OptionToken = { readonly name: string; readonly rawName: string; readonly value?: string | undefined };

/**
 * @param words what follows the command's name
 * @param name the command as typed, such as `policy write`, for messages
 * @throws `usage` with one line that says what is wrong and where the help is
 */
export function parseInput(
  command: Command,
  name: string,
  words: readonly string[],
): Input<Options, Operands> {
  const fail = (problem: string) => usageError(name, problem);
  const options: Options = { ...commonOptions, ...command.options };
  const given = new Map<string, Value>();
  const operands: string[] = [];
  const last = Object.entries(command.operands).find(([, count]) => count === 'behind')?.[0];
  const end = last === undefined ? -1 : words.indexOf('--');
  for (const token of tokens(options, end === -1 ? words : words.slice(0, end))) {
    if (token.kind === 'option') takeOption(options, given, token, fail);
    else if (token.kind === 'positional') operands.push(token.value);
  }
  const behind = end === -1 ? [] : words.slice(end + 1);
  const values = Object.entries(options).map(([option, spec]) => [option, given.get(option) ?? absent(spec)]);
  return {
    options: Object.fromEntries(values),
    operands: given.get('help') === true ? {} : takeOperands(command.operands, operands, behind, fail),
  } as Input<Options, Operands>;
}

/** A mistake on the command line, with the way to the help. */
export function usageError(name: string, problem: string): CofferError {
  return new CofferError('usage', `${problem}; see \`coffer ${name} --help\``);
}

/** The checks are ours, so node is asked for tokens only: its own messages repeat what was typed. */
function tokens(options: Options, words: readonly string[]) {
  const config = Object.fromEntries(
    Object.entries(options).map(([option, spec]) => [
      option,
      {
        type: spec.type === 'flag' ? ('boolean' as const) : ('string' as const),
        ...(spec.short === undefined ? {} : { short: spec.short }),
      },
    ]),
  );
  return parseArgs({ args: [...words], options: config, strict: false, allowPositionals: true, tokens: true })
    .tokens;
}

function takeOption(
  options: Options,
  given: Map<string, Value>,
  token: OptionToken & { readonly inlineValue?: boolean | undefined },
  fail: (problem: string) => CofferError,
): void {
  const spec = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
  if (spec === undefined) throw fail(unknownOption(options, token));
  const label = `--${token.name}`;
  if (spec.type === 'flag') {
    const flag = token.value === undefined ? token.name : `${token.name}-by-${token.value}`;
    if (flag !== token.name && options[flag]?.type !== 'flag') throw fail(`${label} takes no value`);
    given.set(flag, true);
    return;
  }
  const text = token.value;
  if (text === undefined) throw fail(`${label} needs a value`);
  if (token.inlineValue !== true && text.length > 1 && text.startsWith('-')) {
    throw fail(`${label} needs a value (one that starts with "-" is written ${label}=VALUE)`);
  }
  if (spec.type === 'list') {
    given.set(token.name, [...((given.get(token.name) as readonly string[] | undefined) ?? []), text]);
    return;
  }
  if (given.has(token.name)) throw fail(`${label} is given twice`);
  given.set(
    token.name,
    spec.type === 'integer' ? integer(label, text, fail) : choice(label, spec, text, fail),
  );
}

function unknownOption(options: Options, token: OptionToken): string {
  // `-format` arrives as the letters f, o, r …: only the first is known here, so nothing can be suggested for it.
  const shown = token.rawName.startsWith('--') ? `--${token.name}` : token.rawName;
  const near = suggest(token.name, Object.keys(options));
  return near === undefined || token.name.length < 2
    ? `unknown option ${shown}`
    : `unknown option ${shown} (did you mean --${near}?)`;
}

function integer(label: string, text: string, fail: (problem: string) => CofferError): number {
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text) || !Number.isSafeInteger(value)) {
    throw fail(`${label} needs a whole number`);
  }
  return value;
}

function choice(
  label: string,
  spec: OptionSpec,
  text: string,
  fail: (problem: string) => CofferError,
): string {
  if (spec.choices !== undefined && !spec.choices.includes(text)) {
    throw fail(`${label} must be one of: ${spec.choices.join(', ')}`);
  }
  return text;
}

function absent(spec: OptionSpec): Value {
  if (spec.type === 'flag') return false;
  return spec.type === 'list' ? [] : undefined;
}

function takeOperands(
  declared: Operands,
  given: readonly string[],
  behind: readonly string[],
  fail: (problem: string) => CofferError,
): Record<string, Value> {
  const rest = [...given];
  const values: Record<string, Value> = {};
  for (const [name, count] of Object.entries(declared)) {
    if ((count === 'one' || count === 'some') && rest.length === 0) throw fail(`${name} is missing`);
    if (count === 'behind' && behind.length === 0) throw fail(`${name} is missing; it goes behind --`);
    values[name] = count === 'behind' ? behind : isRest(count) ? rest.splice(0) : rest.shift();
  }
  if (rest.length > 0) {
    const most = Object.keys(declared).length;
    throw fail(
      most === 0
        ? 'takes no arguments'
        : `takes at most ${most} argument${most === 1 ? '' : 's'}, ${given.length} given`,
    );
  }
  return values;
}

function isRest(count: keyof OperandTypes): boolean {
  return count === 'some' || count === 'many';
}
