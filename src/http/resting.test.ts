import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Resting, type Rests } from './resting.ts';

interface Node extends Rests<Node> {
  readonly name: number;
}

function node(name: number): Node {
  return { name, resting: false, restsBefore: undefined, restsAfter: undefined };
}

function inOrder(resting: Resting<Node>): readonly number[] {
  const names: number[] = [];
  for (let at = resting.first; at !== undefined; at = at.restsAfter) names.push(at.name);
  return names;
}

describe('resting connections', () => {
  it('are in order whatever comes and goes, as in a set', () => {
    const step = fc.record({ at: fc.nat(7), adds: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const nodes = Array.from({ length: 8 }, (_, name) => node(name));
        const resting = new Resting<Node>();
        const model = new Set<number>();
        for (const { at, adds } of steps) {
          const one = nodes[at];
          if (one === undefined) throw new Error('no node');
          if (adds) {
            resting.add(one);
            model.add(at);
          } else {
            resting.delete(one);
            model.delete(at);
          }
          expect(inOrder(resting)).toEqual([...model]);
        }
      }),
    );
  });

  it('leave nothing behind that points at others', () => {
    const [a, b, c] = [node(1), node(2), node(3)];
    const resting = new Resting<Node>();
    for (const one of [a, b, c]) resting.add(one);
    resting.delete(b);
    expect([b.restsBefore, b.restsAfter]).toEqual([undefined, undefined]);
    expect(inOrder(resting)).toEqual([1, 3]);
  });
});
