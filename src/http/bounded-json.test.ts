import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBoundedJson } from './bounded-json.ts';

const limits = { jsonDepth: 5, jsonValues: 40, jsonNames: 20 };

function parse(text: string, changes: Partial<typeof limits> = {}) {
  return parseBoundedJson(Buffer.from(text), { ...limits, ...changes });
}

describe('what is an object within the limits is parsed', () => {
  test.each([
    '{}',
    ' \n{"a":"b"}\t',
    '{"a":[1,2,{"b":null}],"é":"\\u00e9"}',
    '{"quote":"\\"","backslash":"\\\\","brackets":"[[[[[[[[{{{{{{{{,,,,,,,,::::::::"}',
    '{"a":1,"a":2}',
  ])('%s', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });
});

describe('everything else is refused', () => {
  test.each(['[]', '"a"', '1', 'null', 'true', '[{}]'])('%s is no object', (text) => {
    expect(() => parse(text)).toThrow('request body must be a JSON object');
  });

  test.each([
    '',
    '{',
    '}',
    '{"a"}',
    '{"a":}',
    "{'a':1}",
    '{"a":1}x',
    '{"a":1}{}',
    '{"a":NaN}',
    '{"a":"\n"}',
    '\ufeff{}',
  ])('%j is no JSON', (text) => {
    expect(() => parse(text)).toThrow('request body is not valid JSON');
  });

  test.each([[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82]])('bytes %j are no UTF-8', (...bytes) => {
    const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]);
    expect(() => parseBoundedJson(body, limits)).toThrow('request body is not UTF-8 text');
  });
});

describe('threat 15: shape is bounded before parsing', () => {
  const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
  const values = (count: number) => `{"a":[${new Array(count - 2).fill('1').join(',')}]}`;
  const names = (count: number) =>
    `{${Array.from({ length: count }, (_, index) => `"${index}":1`).join(',')}}`;

  test('depth', () => {
    expect(parse(nested(5), { jsonValues: 100 })).toBeDefined();
    expect(() => parse(nested(6))).toThrow('request body is nested deeper than 5 levels');
  });

  test('values', () => {
    expect(parse(values(37))).toBeDefined();
    expect(() => parse(values(50))).toThrow('request body has more than 40 values');
  });

  test('names', () => {
    expect(parse(names(20), { jsonValues: 100 })).toBeDefined();
    expect(() => parse(names(21), { jsonValues: 100 })).toThrow('request body has more than 20 member names');
  });

  test.each(['[', '{"a":', '[{"a":'])('10,000 levels of %s are an error and no crash', (opening) => {
    expect(() => parse(`{"a":${opening.repeat(10_000)}`, { jsonValues: 1e6, jsonNames: 1e6 })).toThrow(
      'request body is nested deeper than 5 levels',
    );
  });

  test('an endless string is passed over once', () => {
    expect(() => parse(`{"a":"${'\\'.repeat(1_000_001)}`)).toThrow('request body is not valid JSON');
  });

  test('no limit is passed by JSON that the scan lets through, and none refused that is within', () => {
    const json = fc.json({ maxDepth: 8 });
    fc.assert(
      fc.property(json, (inner) => {
        const text = `{"a":${inner}}`;
        const shape = shapeOf(JSON.parse(text));
        const within = shape.depth <= 5 && shape.values + shape.containers <= 40 && shape.names <= 20;
        const beyond = shape.depth > 5 || shape.values > 40 || shape.names > 20;
        const taken = isTaken(text);
        if (within) expect(taken).toBe(true);
        if (beyond) expect(taken).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  function isTaken(text: string): boolean {
    try {
      parse(text);
      return true;
    } catch {
      return false;
    }
  }

  interface Shape {
    depth: number;
    values: number;
    names: number;
    containers: number;
  }

  function shapeOf(value: unknown): Shape {
    if (typeof value !== 'object' || value === null) return { depth: 0, values: 1, names: 0, containers: 0 };
    const names = Array.isArray(value) ? 0 : Object.keys(value).length;
    const shape = { depth: 0, values: 1, names, containers: 1 };
    for (const member of Object.values(value)) {
      const inner = shapeOf(member);
      shape.depth = Math.max(shape.depth, inner.depth);
      shape.values += inner.values;
      shape.names += inner.names;
      shape.containers += inner.containers;
    }
    shape.depth++;
    return shape;
  }
});

describe('threat 15: names of the prototype', () => {
  test('are own members and change no prototype', () => {
    const value = parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    expect(Object.hasOwn(value, '__proto__')).toBe(true);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.hasOwn({ ...value }, '__proto__')).toBe(true);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('threat 16: what was sent is not repeated', () => {
  test.each(['{"password":"canary"', '{"canary"}', 'canary', '"canary"', '{"a":canary}', '["canary"]'])(
    'in the error of %s',
    (text) => {
      const error = thrownBy(() => parse(text));
      expect(String(error)).not.toContain('canary');
      expect(String((error as Error).cause)).not.toContain('canary');
    },
  );

  function thrownBy(action: () => unknown): unknown {
    try {
      action();
    } catch (error) {
      return error;
    }
    throw new Error('nothing was thrown');
  }
});
