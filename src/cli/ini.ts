/**
 * INI files as Python's `configparser` and AWS's tools read them: `[section]`, `name = value` or `name: value`, whole lines of
 * comment, and indented lines that go on with the value before them. Names are folded to lower case, sections are not.
 */
import { CofferError } from '../errors.ts';

export type IniFile = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Throws `invalid_request` with the number of a line that is none of these; what is on it is not repeated. */
export function parseIni(text: string): IniFile {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  let name: string | undefined;
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || /^[#;]/.test(trimmed)) continue;
    const heading = /^\[([^\]]+)\]$/.exec(trimmed)?.[1];
    const assignment = /^([^=:\s][^=:]*?)\s*[=:]\s*(.*)$/.exec(trimmed);
    if (/^\s/.test(line) && section !== undefined && name !== undefined) {
      section.set(name, `${section.get(name) ?? ''}\n${trimmed}`);
    } else if (heading !== undefined) {
      section = sections.get(heading) ?? new Map<string, string>();
      sections.set(heading, section);
      name = undefined;
    } else if (section !== undefined && assignment !== null) {
      name = (assignment[1] ?? '').toLowerCase();
      section.set(name, assignment[2] ?? '');
    } else {
      throw new CofferError(
        'invalid_request',
        `line ${index + 1}: neither [section] nor name = value in one`,
      );
    }
  }
  return sections;
}
