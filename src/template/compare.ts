/** Equality, order and membership, as Python has them. */
import type { Budget } from './budget.ts';
import { Problem } from './problem.ts';
import type { Comparison } from './syntax.ts';
import { Bytes, Dict, isKeyed, isList, keyOf, kindOf, Missing, present, type Value } from './value.ts';

export function compare(operator: Comparison, left: Value, right: Value, budget: Budget): boolean {
  switch (operator) {
    case '==':
      return isEqual(left, right, budget);
    case '!=':
      return !isEqual(left, right, budget);
    case 'in':
      return isIn(left, right, budget);
    case 'not in':
      return !isIn(left, right, budget);
    case '<':
      return order(left, right, budget) < 0;
    case '<=':
      return order(left, right, budget) <= 0;
    case '>':
      return order(left, right, budget) > 0;
    case '>=':
      return order(left, right, budget) >= 0;
  }
}

/** A variable that is not there equals nothing but another one. */
export function isEqual(left: Value, right: Value, budget: Budget): boolean {
  if (isVariableMissing(left) || isVariableMissing(right))
    return isVariableMissing(left) && isVariableMissing(right);
  const [a, b] = [present(left), present(right)];
  if (isList(a) && isList(b)) {
    budget.items(Math.min(a.length, b.length));
    return (
      a.length === b.length &&
      budget.deeper(() => a.every((each, index) => isEqual(each, b[index] ?? null, budget)))
    );
  }
  if (a instanceof Dict && b instanceof Dict) {
    budget.items(a.entries.size);
    const others = b.entries;
    return (
      a.entries.size === others.size &&
      budget.deeper(() =>
        [...a.entries].every(
          ([key, each]) => others.has(key) && isEqual(each, others.get(key) ?? null, budget),
        ),
      )
    );
  }
  if (a instanceof Bytes && b instanceof Bytes) return a.bytes.equals(b.bytes);
  if (typeof a === 'string' && typeof b === 'string') budget.text(Math.min(a.length, b.length));
  // Python's True is 1.
  return asNumber(a) === asNumber(b);
}

function isVariableMissing(value: Value): boolean {
  return value instanceof Missing && !value.secret;
}

function asNumber(value: Value): Value {
  return typeof value === 'boolean' ? Number(value) : value;
}

/** Negative, 0 or positive. Throws a problem for values that have no order among each other. */
export function order(left: Value, right: Value, budget: Budget): number {
  const [a, b] = [asNumber(present(left)), asNumber(present(right))];
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') {
    budget.text(Math.min(a.length, b.length));
    return orderOfTexts(a, b);
  }
  if (isList(a) && isList(b)) {
    budget.items(Math.min(a.length, b.length));
    return budget.deeper(() => {
      for (const [index, each] of a.entries()) {
        const other = b[index];
        if (other === undefined) return 1;
        const step = isEqual(each, other, budget) ? 0 : order(each, other, budget);
        if (step !== 0) return step;
      }
      return a.length - b.length;
    });
  }
  throw new Problem(`${kindOf(left)} and ${kindOf(right)} have no order`);
}

/** By code points, as Python does; UTF-16 units would put some characters before others. */
function orderOfTexts(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isIn(item: Value, container: Value, budget: Budget): boolean {
  const inside = present(container);
  if (isKeyed(inside)) return inside.has(item);
  if (isList(inside)) {
    budget.items(inside.length);
    return inside.some((each) => isEqual(each, item, budget));
  }
  if (inside instanceof Dict) return inside.entries.has(keyOf(item));
  if (typeof inside === 'string') {
    const part = present(item);
    if (typeof part !== 'string') throw new Problem(`only text is in text, not ${kindOf(part)}`);
    budget.text(inside.length);
    return inside.includes(part);
  }
  throw new Problem(`nothing is in ${kindOf(inside)}`);
}
