/** Carrying out a template's tags. */
import { assertNever } from '../errors.ts';
import { bind } from './arguments.ts';
import type { Budget } from './budget.ts';
import type { Evaluator } from './evaluate.ts';
import { itemsOf } from './filter.ts';
import { loopValue } from './loop.ts';
import { PlacedProblem, Problem } from './problem.ts';
import { Scope } from './scope.ts';
import type { Body, Parameter, Statement } from './syntax.ts';
import { textOf } from './text.ts';
import {
  type CallArguments,
  Callable,
  Dict,
  Missing,
  Pending,
  pending,
  present,
  type Value,
} from './value.ts';

type Of<K extends Statement['kind']> = Extract<Statement, { kind: K }>;

/** What is put out. Incomplete while a secret in it is pending. */
class Output {
  readonly #parts: string[] = [];
  #bytes = 0;
  complete = true;

  add(text: string, budget: Budget): void {
    budget.text(text.length);
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes > budget.output)
      throw new Problem(`more than ${budget.output.toLocaleString('en')} bytes would be put out`);
    this.#parts.push(text);
  }

  get value(): Value {
    return this.complete ? this.#parts.join('') : pending;
  }
}

export class Executor {
  readonly #budget: Budget;
  readonly #evaluator: Evaluator;

  constructor(budget: Budget, evaluator: Evaluator) {
    this.#budget = budget;
    this.#evaluator = evaluator;
  }

  /** What a body puts out; pending where a secret is missing in it that was not read yet. */
  run(body: Body, scope: Scope): Value {
    const output = new Output();
    this.#body(body, scope, output);
    return output.value;
  }

  #body(body: Body, scope: Scope, output: Output): void {
    for (const statement of body) {
      this.#budget.spend(1);
      try {
        this.#budget.deeper(() => this.#statement(statement, scope, output));
      } catch (thrown) {
        if (thrown instanceof Problem) throw new PlacedProblem(statement, thrown);
        throw thrown;
      }
    }
  }

  #statement(node: Statement, scope: Scope, output: Output): void {
    switch (node.kind) {
      case 'text':
        output.add(node.text, this.#budget);
        break;
      case 'output':
        this.#put(this.#evaluator.evaluate(node.value, scope), output);
        break;
      case 'if':
        this.#choose(node, scope, output);
        break;
      case 'for':
        this.#loop(node, scope, output);
        break;
      case 'set':
        this.#set(node.targets, node.member, this.#evaluator.evaluate(node.value, scope), scope);
        break;
      case 'capture':
        scope.set(node.target, this.#filtered(node, scope));
        break;
      case 'filtered':
        this.#put(this.#filtered(node, scope), output);
        break;
      case 'macro':
        scope.set(node.name, this.#macro(node.name, node.parameters, node.body, scope));
        break;
      case 'with':
        this.#with(node, scope, output);
        break;
      default:
        assertNever(node);
    }
  }

  #choose(node: Of<'if'>, scope: Scope, output: Output): void {
    const branch = node.branches.find(({ condition }) => this.#evaluator.isTrue(condition, scope));
    this.#body(branch?.body ?? node.otherwise, scope, output);
  }

  #filtered({ body, filters }: Of<'filtered' | 'capture'>, scope: Scope): Value {
    return this.#evaluator.filtered(this.run(body, new Scope(scope)), filters, scope);
  }

  #with(node: Of<'with'>, scope: Scope, output: Output): void {
    const inner = new Scope(scope);
    for (const [name, value] of node.bindings) inner.set(name, this.#evaluator.evaluate(value, scope));
    this.#body(node.body, inner, output);
  }

  #put(value: Value, output: Output): void {
    if (value instanceof Pending) output.complete = false;
    else output.add(textOf(value, this.#budget), this.#budget);
  }

  #set(targets: readonly string[], member: string | undefined, value: Value, scope: Scope): void {
    const [first = ''] = targets;
    if (member !== undefined) {
      const holder = scope.find(first);
      if (!(holder instanceof Dict) || !holder.changeable) {
        throw new Problem(`only what namespace() made can be changed, and "${first}" is not`);
      }
      holder.entries.set(member, value);
    } else if (targets.length === 1) scope.set(first, value);
    else this.#unpack(targets, value, scope);
  }

  #unpack(targets: readonly string[], value: Value, scope: Scope): void {
    const items = itemsOf(value, this.#budget);
    if (items.length !== targets.length) {
      throw new Problem(`${targets.length} names cannot be given to ${items.length} values`);
    }
    for (const [index, name] of targets.entries()) scope.set(name, items[index] ?? null);
  }

  #loop(node: Of<'for'>, scope: Scope, output: Output): void {
    const bindTo = (item: Value, inner: Scope) => {
      const [only = ''] = node.targets;
      if (node.targets.length === 1) inner.set(only, item);
      else this.#unpack(node.targets, item, inner);
    };
    const { condition } = node;
    const all = itemsOf(present(this.#evaluator.evaluate(node.iterable, scope)), this.#budget);
    const items =
      condition === undefined
        ? all
        : all.filter((item) => {
            const inner = new Scope(scope);
            bindTo(item, inner);
            return this.#evaluator.isTrue(condition, inner);
          });
    const changed = { last: undefined as Value | undefined };
    for (const [index, item] of items.entries()) {
      this.#budget.spend(8);
      const inner = new Scope(scope);
      bindTo(item, inner);
      inner.set('loop', loopValue(items, index, changed, this.#evaluator));
      this.#body(node.body, inner, output);
    }
    if (items.length === 0) this.#body(node.otherwise, new Scope(scope), output);
  }

  #macro(name: string, parameters: readonly Parameter[], body: Body, scope: Scope): Callable {
    const names = parameters.map((parameter) => parameter.name);
    return new Callable(name, (args: CallArguments) =>
      this.#budget.deeper(() => {
        const given = bind(`the macro "${name}"`, names, args);
        const inner = new Scope(scope);
        for (const { name: parameter, fallback } of parameters) {
          const missing = () => new Missing(`the macro "${name}" was not given "${parameter}"`);
          const other = () =>
            fallback === undefined ? missing() : this.#evaluator.evaluate(fallback, inner);
          const value = given.value(parameter);
          inner.set(parameter, value === undefined ? other() : value);
        }
        return this.run(body, inner);
      }),
    );
  }
}
