/** What expressions are worth. */
import type { Budget } from './budget.ts';
import { requireCheck, runCheck } from './checks.ts';
import { compare, isEqual } from './compare.ts';
import { itemsOf, type Tools } from './filter.ts';
import { requireFilter, runFilter } from './filters.ts';
import { numberOf } from './list-filters.ts';
import { attributeOf, computed, indexOf, memberOf, sliceOf } from './lookup.ts';
import { PlacedProblem, Problem } from './problem.ts';
import type { Scope } from './scope.ts';
import type { Arguments, BinaryOperator, Expression, FilterUse } from './syntax.ts';
import { textOf } from './text.ts';
import { repeated } from './text-filters.ts';
import {
  type CallArguments,
  Callable,
  Dict,
  found,
  isList,
  isTrue,
  keyOf,
  kindOf,
  Pending,
  pending,
  present,
  type Value,
} from './value.ts';

export class Evaluator {
  readonly #budget: Budget;
  readonly #tools: Tools;

  constructor(budget: Budget) {
    this.#budget = budget;
    this.#tools = {
      budget,
      filter: (name, value, args) => runFilter(name, value, args, this.#tools),
      test: (name, value, args) => runCheck(name, value, args, this.#tools),
      attribute: (value, path) => attributeOf(value, path, budget),
    };
  }

  /** Throws a problem with the place of the innermost expression that has it. */
  evaluate(expression: Expression, scope: Scope): Value {
    this.#budget.spend(1);
    try {
      return this.#budget.deeper(() => this.#valueOf(expression, scope));
    } catch (thrown) {
      if (thrown instanceof Problem) throw new PlacedProblem(expression, thrown);
      throw thrown;
    }
  }

  isTrue(expression: Expression, scope: Scope): boolean {
    const value = this.evaluate(expression, scope);
    try {
      return isTrue(value);
    } catch (thrown) {
      if (thrown instanceof Problem) throw new PlacedProblem(expression, thrown);
      throw thrown;
    }
  }

  /** A text through filters, as tags have them. */
  filtered(text: Value, uses: readonly FilterUse[], scope: Scope): Value {
    let value = text;
    for (const use of uses) {
      try {
        requireFilter(use.name);
        value = runFilter(use.name, value, this.#arguments(use.args, scope), this.#tools);
      } catch (thrown) {
        if (thrown instanceof Problem) throw new PlacedProblem(use, thrown);
        throw thrown;
      }
    }
    return value;
  }

  #valueOf(node: Expression, scope: Scope): Value {
    switch (node.kind) {
      case 'literal':
        return node.value;
      case 'name':
        return found(scope.find(node.name), `there is no variable "${node.name}"`);
      case 'list':
        return node.items.map((item) => this.evaluate(item, scope));
      case 'dict':
        return new Dict(
          node.entries.map(([key, value]) => [keyOf(this.evaluate(key, scope)), this.evaluate(value, scope)]),
        );
      case 'member':
        return memberOf(this.evaluate(node.target, scope), node.name, this.#budget, shownName(node.name));
      case 'index':
        return indexOf(
          this.evaluate(node.target, scope),
          node.keys.map((key) => this.evaluate(key, scope)),
          this.#budget,
          shownKey(node.keys),
        );
      case 'slice':
        return sliceOf(
          this.evaluate(node.target, scope),
          node.bounds.map((bound) => (bound === undefined ? null : this.evaluate(bound, scope))),
          this.#budget,
        );
      case 'call':
        return this.#call(this.evaluate(node.target, scope), this.#arguments(node.args, scope));
      case 'filter':
        requireFilter(node.name);
        return runFilter(
          node.name,
          this.evaluate(node.target, scope),
          this.#arguments(node.args, scope),
          this.#tools,
        );
      case 'test':
        requireCheck(node.name);
        return runCheck(
          node.name,
          this.evaluate(node.target, scope),
          this.#arguments(node.args, scope),
          this.#tools,
        );
      case 'unary':
        return this.#unary(node.operator, node.operand, scope);
      case 'binary':
        return this.#binary(node.operator, node.left, node.right, scope);
      case 'compare':
        return this.#compare(node.first, node.rest, scope);
      case 'choice':
        if (this.isTrue(node.condition, scope)) return this.evaluate(node.yes, scope);
        return node.no === undefined ? '' : this.evaluate(node.no, scope);
    }
  }

  #arguments({ positional, named }: Arguments, scope: Scope): CallArguments {
    return {
      positional: positional.map((each) => this.evaluate(each, scope)),
      named: new Map(named.map(([name, each]) => [name, this.evaluate(each, scope)])),
    };
  }

  #call(target: Value, args: CallArguments): Value {
    if (target instanceof Pending) return pending;
    const known = present(target);
    if (!(known instanceof Callable)) throw new Problem(`${kindOf(known)} is no function`);
    return known.call(args);
  }

  #unary(operator: '+' | '-' | 'not', operand: Expression, scope: Scope): Value {
    if (operator === 'not') return !this.isTrue(operand, scope);
    const number = numberOf(this.evaluate(operand, scope));
    return operator === '-' ? -number : number;
  }

  #binary(operator: BinaryOperator, left: Expression, right: Expression, scope: Scope): Value {
    const first = this.evaluate(left, scope);
    if (operator === 'and') return isTrue(first) ? this.evaluate(right, scope) : first;
    if (operator === 'or') return isTrue(first) ? first : this.evaluate(right, scope);
    const second = this.evaluate(right, scope);
    if (operator === '~') return this.#concatenated(first, second);
    if (operator === '+') return this.#sum(present(first), present(second));
    if (operator === '*' && typeof present(first) === 'string') {
      return repeated(textOf(first, this.#budget), Math.floor(numberOf(second)), this.#budget);
    }
    return arithmetic(operator, numberOf(first), numberOf(second));
  }

  #concatenated(first: Value, second: Value): Value {
    if (first instanceof Pending || second instanceof Pending) return pending;
    const [left, right] = [textOf(first, this.#budget), textOf(second, this.#budget)];
    this.#budget.text(left.length + right.length);
    return left + right;
  }

  #sum(first: Value, second: Value): Value {
    if (typeof first === 'string' && typeof second === 'string') return this.#concatenated(first, second);
    if (isList(first) && isList(second))
      return [...itemsOf(first, this.#budget), ...itemsOf(second, this.#budget)];
    if (typeof first === 'string' || typeof second === 'string') {
      throw new Problem('"+" adds numbers, or text to text; "~" puts anything together as text');
    }
    return numberOf(first) + numberOf(second);
  }

  #compare(
    first: Expression,
    rest: readonly (readonly [Parameters<typeof compare>[0], Expression])[],
    scope: Scope,
  ): boolean {
    let left = this.evaluate(first, scope);
    for (const [operator, each] of rest) {
      const right = this.evaluate(each, scope);
      if (!compare(operator, left, right, this.#budget)) return false;
      left = right;
    }
    return true;
  }

  /** For loops: whether a value is another one than before. */
  isEqual(left: Value, right: Value): boolean {
    return isEqual(left, right, this.#budget);
  }
}

/** A key that stands in the template may be told; one that was computed may be a secret. */
function shownKey([key]: readonly Expression[]): string {
  return key?.kind === 'literal' ? shownName(String(key.value)) : computed;
}

function shownName(name: string): string {
  return `"${name.slice(0, 80)}"`;
}

/** Python's: `//` and `%` round towards negative infinity. */
function arithmetic(operator: BinaryOperator, left: number, right: number): number {
  if (right === 0 && (operator === '/' || operator === '//' || operator === '%')) {
    throw new Problem('nothing is divided by 0');
  }
  switch (operator) {
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '//':
      return Math.floor(left / right);
    case '%':
      return left - right * Math.floor(left / right);
    case '**':
      return left ** right;
    default:
      throw new Problem(`"${operator}" is no sum of numbers`);
  }
}
