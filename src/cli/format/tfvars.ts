/**
 * Terraform's variable files, in HCL's native syntax: `name = literal`. Texts escape what HCL would take for a template (`${`,
 * `%{`; HCL Native Syntax Specification, "Template Literals"). Reading takes literals only: text, numbers, true, false, null,
 * lists and maps.
 */
import { isJsonObject, type JsonValue } from '../../json.ts';
import { cannotCarry, type FlatFormat } from './format.ts';
import { readAssignments } from './tfvars-read.ts';

export const format: FlatFormat = {
  kind: 'flat',
  exact: true,
  encode: (fields) =>
    fields
      .map(({ name, value }) => {
        if (!/^[A-Za-z_][\w-]*$/.test(name)) {
          throw cannotCarry('tfvars', name, 'its name must have letters, digits, "_" and "-" only');
        }
        return `${name} = ${literal(name, value)}\n`;
      })
      .join(''),
  decode: readAssignments,
};

function literal(name: string, value: JsonValue): string {
  if (typeof value === 'string') return textLiteral(name, value);
  if (Array.isArray(value)) return `[${value.map((entry) => literal(name, entry)).join(', ')}]`;
  if (!isJsonObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([key, inner]) => `${textLiteral(name, key)} = ${literal(name, inner)}`,
  );
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function textLiteral(name: string, text: string): string {
  if (!text.isWellFormed()) throw cannotCarry('tfvars', name, 'it is not valid Unicode text');
  const shown = text.replace(
    /["\\\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (character) => escapes[character] ?? unicode(character),
  );
  // `$${` is the usual escape; behind another `$` it could be read in two ways, and there the character is written as its number.
  return `"${shown.replace(/([$%]?)([$%])(?=\{)/g, (_, before: string, sign: string) => before + (before === sign ? unicode(sign) : sign + sign))}"`;
}

function unicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
