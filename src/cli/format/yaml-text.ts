/**
 * YAML 1.2 as JSON values and back; the one place that knows the package. Written so that readers of YAML 1.1 agree: every text is
 * in double quotes, and names that such readers take for something else (`on`, `no`, `1`) are too.
 */
import { Document, isAlias, isMap, isScalar, isSeq, type ParsedNode, parseAllDocuments, visit } from 'yaml';
import { emptyObject, type JsonValue } from '../../json.ts';
import { isExact } from '../../json-loss.ts';
import { lineAt, lineError } from './format.ts';

const plainName = /^[A-Za-z_][\w-]*$/;
/** YAML 1.1's other words for true, false and null. */
const otherWords = /^(y|n|yes|no|on|off|true|false|null)$/i;
/** Deeper is no secret, and would end in a full stack. */
const deepest = 100;

/** One document, without `---`. */
export function writeYaml(value: JsonValue): string {
  const document = new Document(value, { version: '1.2', aliasDuplicateObjects: false });
  visit(document, {
    Scalar(key, node) {
      if (typeof node.value !== 'string') return;
      const isPlain = key === 'key' && plainName.test(node.value) && !otherWords.test(node.value);
      node.type = isPlain ? 'PLAIN' : 'QUOTE_DOUBLE';
    },
  });
  // In double quotes these are breaks to some readers, or steer a terminal: §5.7 has an escape for each.
  return document
    .toString({ lineWidth: 0 })
    .replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** YAML 1.2's core schema; or 1.1's, where `0600` is octal. */
export type YamlSchema = 'core' | 'yaml-1.1';

/** All documents of a text. Throws `invalid_request` with the line; the parser's own words may repeat a secret. */
export function readYaml(text: string, schema: YamlSchema = 'core'): readonly JsonValue[] {
  const documents = parseDocuments(text, schema);
  return documents.map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) {
      const twice = problem.code === 'DUPLICATE_KEY';
      throw lineError(lineAt(text, problem.pos[0]), twice ? 'a name is given twice' : 'this is not YAML');
    }
    return document.contents === null ? null : jsonOf(text, document.contents, 0);
  });
}

function parseDocuments(text: string, schema: YamlSchema): readonly Document.Parsed[] {
  try {
    const documents = parseAllDocuments(text, {
      version: schema === 'core' ? '1.2' : '1.1',
      schema,
      uniqueKeys: true,
      prettyErrors: false,
      logLevel: 'silent',
    });
    return 'empty' in documents ? [] : documents;
  } catch {
    throw lineError(1, 'this is not YAML, or too deeply nested');
  }
}

function jsonOf(text: string, node: ParsedNode | null, depth: number): JsonValue {
  if (node === null) return null;
  const fail = (problem: string) => lineError(lineAt(text, node.range[0]), problem);
  if (depth > deepest) throw fail('too deeply nested');
  if (isAlias(node)) throw fail('anchors and aliases are not taken; write the value itself');
  if (isSeq(node)) return node.items.map((item) => jsonOf(text, item, depth + 1));
  if (isMap(node)) {
    const map = emptyObject();
    for (const { key, value } of node.items) {
      if (!isScalar(key)) throw fail('a name must be a plain text');
      const name = typeof key.value === 'string' ? key.value : (key.source ?? '');
      if (Object.hasOwn(map, name)) throw lineError(lineAt(text, key.range[0]), 'a name is given twice');
      map[name] = jsonOf(text, value, depth + 1);
    }
    return map;
  }
  const { value, source = '' } = node;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && (Number.isSafeInteger(value) || isExact(decimal(source)))) return value;
  throw fail('a value is neither text nor a number that can be kept exactly; write it in quotes');
}

/** YAML's other writings, such as 0x1f and .5, as far as they are safe whole numbers or decimal fractions. */
function decimal(source: string): string {
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(source) ? source : 'not decimal';
}
