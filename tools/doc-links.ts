/** Links between pages lead to the heading they name, and to every page leads a link: one that nobody finds helps nobody. */
import { posix } from 'node:path';

const link = /\]\((?!https?:)([^)\s#]*)(?:#([^)\s]*))?\)/g;
const heading = /^#{1,6} (.+)$/gm;
const fenced = /^```[\s\S]*?^```$/gm;

/**
 * One line for each fragment that is no heading of its page, each page of a guide or the reference that no other page links to, and
 * each guide that leads to no page of the reference.
 *
 * @param pages path in the checkout to text, of all documents
 */
export function checkLinks(pages: ReadonlyMap<string, string>): readonly string[] {
  const problems: string[] = [];
  const linked = new Set<string>();
  const leading = new Set<string>();
  const anchors = new Map([...pages].map(([page, text]) => [page, anchorsOf(text)]));
  for (const [page, text] of pages) {
    for (const [, target = '', fragment] of text.replace(fenced, '').matchAll(link)) {
      const path = target === '' ? page : posix.join(posix.dirname(page), target);
      if (path !== page) linked.add(path);
      if (path.startsWith('docs/reference/')) leading.add(page);
      const known = anchors.get(path);
      if (fragment !== undefined && known !== undefined && !known.has(fragment))
        problems.push(`${page} links to ${target}#${fragment}, and there is no such heading`);
    }
  }
  for (const page of pages.keys()) {
    if (/^docs\/(guide|reference)\//.test(page) && !linked.has(page))
      problems.push(`no page links to ${page}`);
    if (page.startsWith('docs/guide/') && !leading.has(page)) problems.push(`${page} leads to no reference`);
  }
  return problems;
}

/** As code hosts make them of headings: in lower case, blanks as `-`, other punctuation gone, a second one numbered. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, title = ''] of text.replace(fenced, '').matchAll(heading)) {
    const plain = title.trim().replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
    const name = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    let anchor = name;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${name}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}
