import type { Pairs } from '../credstash/documents.ts';
import { failed } from '../credstash/failure.ts';

/** Rows of name and value without a heading (RFC 4180); further columns say nothing. Throws for a row with one column. */
export function csvRows(text: string, what: string): Pairs {
  const rows: (readonly [string, string])[] = [];
  let fields: string[] = [];
  let line = 1;
  const field = /"((?:[^"]|"")*)"(?=,|\r?\n|\r|$)|([^",\r\n]*)(?=,|\r?\n|\r|$)/y;
  const end = () => {
    const [name, value] = fields;
    if (fields.length > 1 || (name ?? '') !== '') {
      if (name === undefined || value === undefined)
        throw failed(`${what}: line ${line}: a row is name,value`);
      rows.push([name, value]);
    }
    fields = [];
  };
  for (let at = 0; at < text.length; ) {
    field.lastIndex = at;
    const found = field.exec(text);
    if (found === null) throw failed(`${what}: line ${line}: this is not CSV`);
    const [whole, quoted, plain = ''] = found;
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    at += whole.length;
    if (text[at] === ',') {
      at++;
      if (at === text.length) fields.push('');
      continue;
    }
    const rowEnd = text.startsWith('\r\n', at) ? 2 : at < text.length ? 1 : 0;
    end();
    at += rowEnd;
    line += 1 + (whole.match(/\n/g)?.length ?? 0);
  }
  end();
  return rows;
}
