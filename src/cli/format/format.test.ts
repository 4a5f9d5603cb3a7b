/** What each format takes, writes and refuses. */
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asCofferError } from '../../errors.ts';
import { encodeMany } from './format.ts';
import { type FormatName, formatOfFile, loadFormat } from './formats.ts';
import { jsonFault } from './json-fault.ts';

/** Apart from the brace behind it, so that nobody takes it for a template of ours. */
const dollar = '$';

async function decode(name: FormatName, text: string): Promise<unknown> {
  const format = await loadFormat(name);
  if (format.kind === 'tree') return { ...format.decodeOne(text) };
  return Object.fromEntries(format.decode(text).map((field) => [field.name, field.value]));
}

async function refusal(name: FormatName, text: string): Promise<string> {
  const error = await decode(name, text).then(
    () => undefined,
    (thrown: unknown) => asCofferError(thrown),
  );
  expect(error?.code).toBe('invalid_request');
  expect(error?.message).not.toContain('hunter2');
  expect(error?.cause).toBeUndefined();
  return error?.message ?? '';
}

async function write(name: FormatName, value: string): Promise<string> {
  const format = await loadFormat(name);
  return format.kind === 'flat'
    ? format.encode([{ name: 'A', value }])
    : format.encodeOne({ name: 'a', data: { A: value } });
}

describe('reading', () => {
  test.each<[FormatName, string, unknown]>([
    ['dotenv', '', {}],
    [
      'dotenv',
      '# remark\n\n A = b \nexport C=d # e\nE=\nF="x\\ny"\nG=\'x\\ny # z\' # r',
      { A: 'b', C: 'd', E: '', F: 'x\ny', G: 'x\\ny # z' },
    ],
    ['dotenv', 'A="two\r\nlines"\r\nB=`it\'s "so"`', { A: 'two\nlines', B: 'it\'s "so"' }],
    [
      'shell',
      'export A=\'b\'"c"d\\ e; B=\n# remark\nC="\\$x \\"y\\" \\z" D=1',
      { A: 'bcd e', B: '', C: '$x "y" \\z', D: '1' },
    ],
    ['shell', "A='x'\\''y'\r\nB=2\r\n", { A: "x'y", B: '2' }],
    ['json', '{"a":"\\u0000","b":[1,{"b":null}]}', { a: '\0', b: [1, { b: null }] }],
    [
      'yaml',
      'a: no\nb: 0x1f\nc: |\n  two\n  lines\n1: x\nd: [1.5, ~, true]\n',
      { a: 'no', b: 31, c: 'two\nlines\n', 1: 'x', d: [1.5, null, true] },
    ],
    ['yaml', '__proto__: x\n', JSON.parse('{"__proto__":"x"}')],
    [
      'tfvars',
      'a = "x" # r\nb-c = 1.5e3 // r\n/* r */ d = [true, null,]\ne = { f = 1, "g h": "%%{i}" }\n',
      { a: 'x', 'b-c': 1500, d: [true, null], e: { f: 1, 'g h': '%{i}' } },
    ],
    ['tfvars', `a = "$${dollar}{b} $$ \\u00e9\\U0001F600"`, { a: `${dollar}{b} $$ é😀` }],
    [
      'k8s',
      'kind: Secret\nmetadata: {name: x}\ndata: {a: aGk=}\nstringData: {b: hi}\n',
      { a: 'hi', b: 'hi' },
    ],
  ])('%s: %j', async (name, text, expected) => {
    expect(JSON.stringify(await decode(name, text))).toBe(JSON.stringify(expected));
  });

  test.each<[FormatName, string, string]>([
    ['dotenv', 'A=1\nhunter2\n', 'line 2: not NAME=VALUE'],
    ['dotenv', 'A=1\n\nB="hunter2\n', 'line 3: the value'],
    ['dotenv', "A='hunter2' hunter2\n", 'line 1: the value'],
    ['dotenv', 'A=1\nB=2\nA=hunter2\n', 'line 3: A is given twice'],
    ['dotenv', '1A=hunter2\n', 'line 1: not NAME=VALUE'],
    ['shell', 'A=1\nB=$hunter2\n', 'line 2: an expansion'],
    ['shell', 'A=`hunter2`\n', 'line 1: an expansion'],
    ['shell', 'A="$(hunter2)"\n', 'line 1: a quote is not closed, or holds an expansion'],
    ['shell', "A='hunter2\n", 'line 1: a quote is not closed'],
    ['shell', 'rm -rf hunter2\n', 'line 1: not an assignment'],
    ['shell', 'A=1|hunter2\n', 'line 1: a character stands there'],
    ['shell', 'A=1\nA=hunter2\n', 'line 2: A is given twice'],
    ['json', '{\n"a": hunter2\n}', 'line 2: this is not JSON'],
    ['json', '{"a": "hunter2"', 'this is not JSON'],
    ['json', '["hunter2"]', 'line 1: the document must be a JSON object'],
    ['json', '{"a":"x",\n"b":{"c":1,\n"c":"hunter2"}}', 'line 3: a name is given twice'],
    ['json', '{"a":\n12345678901234567890}', 'line 2: a number is too large'],
    ['yaml', 'a: 1\nb: "hunter2\n', 'this is not YAML'],
    ['yaml', 'a: 1\na: hunter2\n', 'line 2: a name is given twice'],
    ['yaml', '1: x\n"1": hunter2\n', 'line 2: a name is given twice'],
    ['yaml', 'a: &x hunter2\nb: *x\n', 'line 2: anchors'],
    ['yaml', 'a: !!js hunter2\n', 'line 1: this is not YAML'],
    ['yaml', 'a: 1\nb: .nan\n', 'line 2: a value is neither'],
    ['yaml', 'a: 1\n---\na: 2\n', 'line 1: the text must be one document'],
    ['yaml', '- hunter2\n', 'line 1: the document must be a map'],
    ['yaml', `a: ${'['.repeat(200)}${']'.repeat(200)}`, 'line 1: too deeply nested'],
    ['tfvars', `a = 1\nb = "${dollar}{hunter2}"\n`, 'line 2: a template'],
    ['tfvars', 'a = hunter2\n', 'line 1: the value is no literal'],
    ['tfvars', 'a = <<EOT\nhunter2\nEOT\n', 'line 1: a heredoc'],
    ['tfvars', 'a = "hunter2\n', 'line 1: a quote is not closed'],
    ['tfvars', 'a = "\\xhunter2"\n', 'line 1: an escape'],
    ['tfvars', 'a = 1\na = 2\n', 'line 2: a is given twice'],
    ['tfvars', `a = ${'['.repeat(1000)}`, 'line 1: too deeply nested'],
    ['k8s', 'kind: ConfigMap\n', 'document 1: not a manifest of kind Secret'],
    [
      'k8s',
      'kind: Secret\nmetadata: {name: x}\ndata: {a: hunter2!}\n',
      'document 1: a value of data is not base64',
    ],
  ])('threat 16: %s: %j is refused with its place and without its values', async (name, text, message) => {
    expect(await refusal(name, text)).toContain(message);
  });

  test('nesting without end is refused, not followed', async () => {
    expect(await refusal('yaml', '['.repeat(50_000))).toContain('line 1: this is not YAML');
    expect(await refusal('yaml', `a: ${'{b: '.repeat(5_000)}1${'}'.repeat(5_000)}`)).toContain('line 1:');
    expect(await refusal('json', '['.repeat(1_000_000))).toContain('line 1: this is not JSON');
  });

  test('the place where JSON ends is the first that cannot be', () => {
    const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value, null, 1));
    fc.assert(
      fc.property(json, fc.nat(), (text, seed) => {
        expect(jsonFault(text)).toBe(text.length);
        const at = seed % text.length;
        const bad = `${text.slice(0, at)}\u0001${text.slice(at)}`;
        // Inside of a text the fault is where that text begins.
        expect(jsonFault(bad)).toBeLessThanOrEqual(at);
      }),
    );
    const faults = ['{"a":1,}', '{"a" 1}', '[1 2]', '{} x', '{"a":tru}', '[}', '{1:2}', '"\\x"'].map(
      jsonFault,
    );
    expect(faults).toEqual([7, 5, 3, 3, 5, 1, 1, 0]);
  });

  test('the name of a file tells its format', () => {
    const names = ['.env', '.env.local', 'x/prod.env', 'a.tfvars', 'a.json', 'a.yml', 'a.sh', 'a.txt', '-'];
    expect(names.map(formatOfFile)).toEqual([
      ...['dotenv', 'dotenv', 'dotenv', 'tfvars', 'json', 'yaml', 'shell', undefined, undefined],
    ]);
  });
});

describe('writing', () => {
  test.each<[FormatName, string, string]>([
    ['dotenv', 'plain-1', 'A=plain-1\n'],
    ['dotenv', '', "A=''\n"],
    ['dotenv', 'a $b `c` "d"', 'A=\'a $b `c` "d"\'\n'],
    ['dotenv', "it's", 'A="it\'s"\n'],
    ['dotenv', 'cr\rlf\n', 'A="cr\\rlf\n"\n'],
    ['shell', "it's", "export A='it'\\''s'\n"],
    ['tfvars', `${dollar}{a} %{b} $ $${dollar}{c}`, `A = "$${dollar}{a} %%{b} $ $\\u0024{c}"\n`],
    ['yaml', 'two\nlines', 'A: "two\\nlines"\n'],
    ['yaml', '\u0085\u2028\u001b', 'A: "\\u0085\\u2028\\e"\n'],
  ])('%s: %j', async (name, value, expected) => {
    expect(await write(name, value)).toBe(expected);
  });

  test.each<[FormatName, string]>([
    ['dotenv', 'hunter2\0'],
    ['dotenv', '\'"`# '],
    ['dotenv', '\ud800'],
    ['shell', 'hunter2\0'],
    ['shell', '\ud800'],
    ['tfvars', '\ud800'],
    ['yaml', '\ud800'],
    ['k8s', '\ud800'],
  ])('threat 16: %s cannot carry %j, and says so without repeating it', async (name, value) => {
    await expect(write(name, value)).rejects.toMatchObject({
      code: 'unsupported_operation',
      message: expect.not.stringContaining('hunter2'),
    });
  });

  test('two names of secrets that make one manifest are refused', async () => {
    const format = await loadFormat('k8s');
    const secrets = [
      { name: 'a/b', data: {} },
      { name: 'A_b', data: {} },
    ];
    expect(() => format.kind === 'tree' && encodeMany(format, secrets)).toThrow(
      'a/b and A_b would both be the manifest a-b',
    );
  });
});

const shells = ['sh', 'bash', 'dash'].filter((name) => spawnSync(name, ['-c', ':']).status === 0);

describe.each(shells)('%s reads what is written for shells', (program) => {
  /** The variable as the shell passes it on, byte for byte. */
  function value(script: string): Buffer {
    const run = spawnSync(program, ['-c', `${script}exec env -0`], {
      env: { PATH: process.env['PATH'] ?? '' },
    });
    const entry = run.stdout
      .toString('latin1')
      .split('\0')
      .find((line) => line.startsWith('A='));
    return Buffer.from(entry?.slice(2) ?? 'nothing', 'latin1');
  }

  test.each([
    "'",
    "''",
    "\\'",
    "'; touch /tmp/owned; '",
    '$(id)',
    '`id`',
    `${dollar}{PATH}`,
    '!!',
    '\\',
    '\\\\n',
    '\n',
    '\r\n',
    'end\n\n',
    ' ',
    '\t',
    '*',
    '~',
    '-n',
    '"',
    '漢字 😀',
    '\u0001\u001b[2J\u007f',
    "$'\\x41'",
    '#',
    'a=b',
    'x'.repeat(50_000),
  ])('threat 22: %j is that value and nothing runs', async (text) => {
    expect(value(await write('shell', text)).equals(Buffer.from(text))).toBe(true);
  });

  test('threat 22: so are values that nobody thought of', async () => {
    const format = await loadFormat('shell');
    if (format.kind !== 'flat') throw new Error('not flat');
    const pieces = fc.constantFrom(
      "'",
      '"',
      '\\',
      '$',
      '`',
      '\n',
      '(',
      ')',
      ';',
      '&',
      ' ',
      'a',
      '!',
      '{',
      '}',
      'é',
    );
    const text = fc.array(pieces, { maxLength: 20 }).map((list) => list.join(''));
    // All in one script, so that one could also reach into another.
    const fields = fc.sample(text, 300).map((value, index) => ({ name: `V${index}`, value }));
    const run = spawnSync(program, ['-c', `${format.encode(fields)}exec env -0`], {
      env: { PATH: process.env['PATH'] ?? '' },
    });
    const seen = new Set(run.stdout.toString('utf8').split('\0'));
    expect(fields.filter(({ name, value: wanted }) => !seen.has(`${name}=${wanted}`))).toEqual([]);
  });
});

test('at least the POSIX shell was there', () => {
  expect(shells).toContain('sh');
});
