/**
 * Templates of the names that engines give to users outside: the part of Go's text/template that Vault's own templates use. They are
 * interpreted, and their functions are these few: none reaches for anything outside.
 */
import { type Random, randomBase62, randomUuid } from '../crypto/random.ts';
import { CofferError } from '../errors.ts';

export interface TemplateInput {
  /** What `.Name` stands for, by name. */
  readonly fields: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly now: number;
  readonly random: Random;
}

/** Characters of a template, of what it makes on the way, and most that one `random` gives. */
const longestTemplate = 1_024;
const longestResult = 1_024;
const mostRandom = 100;
const deepest = 8;
/** Characters of chance that must be left at the end, so that no two users have one name. */
const leastRandom = 8;

type Value = string | number | boolean;
type Part = string | Pipeline | Choice;
/** `{{ if … }}…{{ else }}…{{ end }}`. */
interface Choice {
  readonly condition: Pipeline;
  readonly whereTrue: readonly Part[];
  readonly otherwise: readonly Part[];
}
type Pipeline = readonly Command[];
type Command = readonly Operand[];
type Operand =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'field' | 'function'; readonly name: string }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline };

/**
 * A name by a template. Throws `invalid_request` for a template that is not understood. Names that callers bring come in with letters,
 * digits, `_`, `-` and `.` only.
 */
export function renderNameTemplate(template: string, input: TemplateInput): string {
  return bounded(rendered(partsOf(template), input));
}

function rendered(parts: readonly Part[], input: TemplateInput): string {
  return parts
    .map((part) => {
      if (typeof part === 'string') return part;
      if (!('condition' in part)) return String(evaluate(part, input));
      return rendered(isTrue(evaluate(part.condition, input)) ? part.whereTrue : part.otherwise, input);
    })
    .join('');
}

function isTrue(value: Value): boolean {
  return value !== '' && value !== 0 && value !== false;
}

/**
 * Throws `invalid_request` for a template that cannot be used, or whose names would meet.
 *
 * @param fields such as a request will bring
 * @param longest in bytes
 */
export function checkNameTemplate(
  template: string,
  fields: Readonly<Record<string, string>>,
  longest: number,
): void {
  const markers: Random = { bytes: (count) => Buffer.alloc(count, 1) };
  const other: Random = { bytes: (count) => Buffer.alloc(count, 2) };
  const input = { fields, now: 1_700_000_000_000 };
  const one = renderNameTemplate(template, { ...input, random: markers });
  const two = renderNameTemplate(template, { ...input, random: other });
  const differing = [...one].filter((char, at) => char !== two.charAt(at)).length;
  const least = Math.min(leastRandom, longest / 2);
  if (one.length !== two.length || differing < least) {
    throw refused(`it needs at least ${least} characters of (random 20) that are left at its end`);
  }
  if (Buffer.byteLength(one) > longest) {
    throw refused(`it makes names of more than ${longest} bytes: cut them with "| truncate ${longest}"`);
  }
}

function refused(why: string): CofferError {
  return new CofferError('invalid_request', `username_template cannot be used: ${why}`);
}

function bounded(text: string): string {
  if (text.length > longestResult) throw refused(`it makes more than ${longestResult} characters`);
  return text;
}

function partsOf(template: string): readonly Part[] {
  if (template.length > longestTemplate) throw refused(`it has at most ${longestTemplate} characters`);
  const reader = { rest: template };
  const { parts, end } = block(reader, 0);
  if (end !== '') throw refused(`"${end}" stands where nothing has begun`);
  return parts;
}

/** Up to the `else` or `end` of the block that it is in, or to the end of the template. */
function block(
  reader: { rest: string },
  depth: number,
): { readonly parts: readonly Part[]; readonly end: '' | 'else' | 'end' } {
  if (depth > deepest) throw refused('its conditions lie too deep');
  const parts: Part[] = [];
  for (let open = reader.rest.indexOf('{{'); open >= 0; open = reader.rest.indexOf('{{')) {
    parts.push(reader.rest.slice(0, open));
    reader.rest = reader.rest.slice(open + 2);
    const [words = '', word] = /^\s*(else|end)\s*}}/.exec(reader.rest) ?? [];
    if (word === 'else' || word === 'end') {
      reader.rest = reader.rest.slice(words.length);
      return { parts, end: word };
    }
    const [start = ''] = /^\s*if(?=[\s(])/.exec(reader.rest) ?? [];
    const parser = new Parser(reader.rest.slice(start.length));
    const action = parser.action();
    reader.rest = parser.rest;
    parts.push(start === '' ? action : choice(reader, action, depth));
  }
  parts.push(reader.rest);
  return { parts, end: '' };
}

function choice(reader: { rest: string }, condition: Pipeline, depth: number): Choice {
  const first = block(reader, depth + 1);
  const second = first.end === 'else' ? block(reader, depth + 1) : { parts: [], end: first.end };
  if (second.end !== 'end') throw refused('an "if" in it has no "end"');
  return { condition, whereTrue: first.parts, otherwise: second.parts };
}

/** Reads one action, from behind `{{` to behind `}}`. */
class Parser {
  rest: string;

  constructor(text: string) {
    this.rest = text;
  }

  action(): Pipeline {
    const pipeline = this.#pipeline('}}', 0);
    return pipeline;
  }

  #pipeline(end: string, depth: number): Pipeline {
    if (depth > deepest) throw refused('its brackets lie too deep');
    const commands: Operand[][] = [[]];
    for (;;) {
      this.rest = this.rest.trimStart();
      if (this.rest.startsWith(end)) break;
      if (this.#took('|')) commands.push([]);
      else commands.at(-1)?.push(this.#operand(depth));
    }
    this.rest = this.rest.slice(end.length);
    if (commands.some((command) => command.length === 0)) throw refused('something is missing in it');
    return commands;
  }

  #operand(depth: number): Operand {
    if (this.#took('(')) return { kind: 'pipeline', pipeline: this.#pipeline(')', depth + 1) };
    const token = /^(?:"((?:[^"\\\n]|\\["\\])*)"|(\d{1,4})(?!\w)|(\.?[A-Za-z]\w*))/.exec(this.rest);
    if (token === null) throw refused('it cannot be read');
    this.rest = this.rest.slice(token[0].length);
    const [, text, number, name = ''] = token;
    if (text !== undefined) return { kind: 'value', value: text.replace(/\\(.)/g, '$1') };
    if (number !== undefined) return { kind: 'value', value: Number(number) };
    return name.startsWith('.') ? { kind: 'field', name: name.slice(1) } : { kind: 'function', name };
  }

  #took(sign: string): boolean {
    if (!this.rest.startsWith(sign)) return false;
    this.rest = this.rest.slice(sign.length);
    return true;
  }
}

/** Each command's outcome is the last argument of the next. */
function evaluate(pipeline: Pipeline, input: TemplateInput): Value {
  let value: Value | undefined;
  for (const [first, ...rest] of pipeline) {
    if (first === undefined) continue;
    const given = rest.map((operand) => operandValue(operand, input));
    const args = value === undefined ? given : [...given, value];
    if (first.kind === 'function') value = called(first.name, args, input);
    else if (args.length > 0) throw refused('something stands where a function should');
    else value = operandValue(first, input);
  }
  return value ?? '';
}

function operandValue(operand: Operand, input: TemplateInput): Value {
  switch (operand.kind) {
    case 'value':
      return operand.value;
    case 'pipeline':
      return evaluate(operand.pipeline, input);
    case 'function':
      return called(operand.name, [], input);
    case 'field':
      return fieldValue(operand.name, input);
  }
}

function fieldValue(name: string, { fields }: TemplateInput): string {
  const text = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (text !== undefined) return plainName(text);
  const known = Object.keys(fields).map((each) => `.${each}`);
  throw refused(`it knows ${known.slice(0, -1).join(', ')} and ${known.at(-1) ?? 'nothing'} only`);
}

/** Names that callers bring have nothing in them that a statement, a log or a shell could take for its own. */
function plainName(text: string): string {
  return text.replace(/[^\w.-]/gu, '_');
}

const functions: Readonly<Record<string, (args: readonly Value[], input: TemplateInput) => Value>> = {
  printf: ([format, ...args]) => printed(textOf(format), args),
  truncate: ([length, text]) => textOf(text).slice(0, sizeOf(length)),
  random: ([length], { random }) => randomBase62(random, Math.min(mostRandom, sizeOf(length))),
  unix_time: (_args, { now }) => Math.floor(now / 1_000),
  unix_time_millis: (_args, { now }) => now,
  uuid: (_args, { random }) => randomUuid(random),
  eq: ([one, other]) => textOf(one) === textOf(other),
  lowercase: ([text]) => textOf(text).toLowerCase(),
  uppercase: ([text]) => textOf(text).toUpperCase(),
};

function called(name: string, args: readonly Value[], input: TemplateInput): Value {
  const known = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (known === undefined) throw refused(`its functions are ${Object.keys(functions).join(', ')}`);
  const value = known(args, input);
  return typeof value === 'string' ? bounded(value) : value;
}

function printed(format: string, args: readonly Value[]): string {
  let next = 0;
  const text = format.replace(/%(.?)/g, (_all, verb: string) => {
    if (verb === '%') return '%';
    const value = args[next++];
    if (!['s', 'd', 'v'].includes(verb) || value === undefined) throw refused('printf knows %s, %d and %v');
    return String(value);
  });
  if (next !== args.length) throw refused('printf is given more than it prints');
  return text;
}

function textOf(value: Value | undefined): string {
  if (value === undefined) throw refused('a function is given too little');
  return String(value);
}

function sizeOf(value: Value | undefined): number {
  if (typeof value === 'number' && value > 0) return value;
  throw refused('a length is a number above 0');
}
