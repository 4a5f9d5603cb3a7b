/**
 * Templates in Jinja's language, interpreted: nothing is ever compiled to code, nothing is read but the secrets that a template
 * names, and how much it may do is bounded. Escapes nothing by itself.
 */
import type { JsonObject } from '../json.ts';
import { Budget, defaultLimits, type Limits } from './budget.ts';
import { Evaluator } from './evaluate.ts';
import { Executor } from './execute.ts';
import { globalFunctions } from './functions.ts';
import { parseTemplate } from './parse-template.ts';
import { templateError } from './problem.ts';
import { Scope } from './scope.ts';
import { SecretLookups, type SecretSource, secretsValue } from './secrets.ts';
import type { Body } from './syntax.ts';
import { fromJson, Pending, Suspended, type Value } from './value.ts';

export interface RenderInput {
  /** Top-level names of the template's own. */
  readonly variables: JsonObject;
  readonly secrets: SecretSource;
  /** What the template calls them; `secrets` unless told. It wins over a variable of the same name. */
  readonly secretsName?: string;
  /** How a key becomes a secret's name, such as `prod/{0}`; `{0}` unless told. */
  readonly nameFormat?: string;
  readonly limits?: Limits;
}

/**
 * How many whole passes' steps all passes together have. A template that asks for one secret after the other, each answer deciding
 * whether the next is asked for, begins anew with each: without a bound on all of them its work would grow with the square.
 */
const passesWorth = 25;

/** A template that was parsed, to be rendered any number of times. */
export interface Template {
  /** What messages call it: its file. */
  readonly source: string;
  readonly body: Body;
}

/** Throws `invalid_request` with the place of what is no template. */
export function compileTemplate(source: string, text: string): Template {
  try {
    return { source, body: parseTemplate(text) };
  } catch (thrown) {
    throw templateError(source, thrown);
  }
}

/**
 * The text of a template. Rejects with `not_found`, naming secret and place, where one is missing that is not asked for with
 * `is defined`, `in` or `default`; with `invalid_request` and the place for what is wrong otherwise; and with what the source says.
 * No message repeats a value.
 */
export async function renderTemplate(template: Template, input: RenderInput): Promise<string> {
  const lookups = new SecretLookups(input.secrets);
  const limits = input.limits ?? defaultLimits;
  const variables = Object.entries(input.variables).map(([name, value]) => [name, fromJson(value)] as const);
  let left = passesWorth * limits.steps;
  try {
    for (;;) {
      const budget = new Budget({ ...limits, steps: Math.min(limits.steps, left) });
      const text = onePass(template.body, lookups, budget, variables, input);
      if (typeof text === 'string') return text;
      left -= budget.steps;
      if (!(await lookups.readWanted())) throw new RangeError('a pass that waits for nothing');
    }
  } catch (thrown) {
    throw templateError(template.source, thrown);
  }
}

/** Undefined where a secret has to be read first. Each pass begins anew with all that a pass may do. */
function onePass(
  body: Body,
  lookups: SecretLookups,
  budget: Budget,
  variables: readonly (readonly [string, Value])[],
  input: RenderInput,
): string | undefined {
  const scope = new Scope();
  for (const each of globalFunctions(budget)) scope.set(each.name, each);
  for (const [name, value] of variables) scope.set(name, value);
  scope.set(input.secretsName ?? 'secrets', secretsValue(lookups, input.nameFormat ?? '{0}', budget));
  let text: Value;
  try {
    text = new Executor(budget, new Evaluator(budget)).run(body, new Scope(scope));
  } catch (thrown) {
    if (thrown instanceof Suspended) return undefined;
    throw thrown;
  }
  if (text instanceof Pending) return undefined;
  return typeof text === 'string' ? text : undefined;
}
