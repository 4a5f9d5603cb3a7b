import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChainAnchor, readAnchors } from './anchor.ts';
import { makePlace, type Place, settled } from './audit.fixture.ts';
import { chainLine } from './line.ts';
import { closingEntry } from './segment.ts';
import { signerOf } from './signature.ts';
import { verifyAudit } from './verify.ts';

let place: Place;
beforeEach(() => {
  place = makePlace();
});
afterEach(() => place.remove());

/** A closed chain of three segments with some twenty lines, and its anchor. */
async function closedChain() {
  const log = await place.open({ segmentBytes: 1600 });
  for (let id = 0; id < 18; id++) {
    await log.append({ type: 'request', request_id: `r-${id}`, path: `secret/data/${id}` }, 'kernel');
  }
  await log.close();
  const names = readdirSync(log.path).sort();
  expect(names).toHaveLength(3);
  return { path: log.path, anchors: await readAnchors(place.store) };
}

const check = (anchors: readonly ChainAnchor[] | undefined) =>
  verifyAudit({ directory: place.directory, anchors });

interface Tampering {
  readonly what: string;
  readonly kinds: readonly string[];
  /** What shows without anchors, where that is less. */
  readonly unanchored?: readonly string[];
  readonly at?: { readonly file: string; readonly line: number };
  readonly hand: (path: string) => void;
}

const second = '000002.jsonl';
const third = '000003.jsonl';

function editLines(path: string, name: string, edit: (lines: string[]) => string[]): void {
  const file = join(path, name);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  writeFileSync(file, `${edit(lines).join('\n')}\n`);
}

function text(line: string | undefined): string {
  if (line === undefined) throw new Error('the segment is shorter than the test thinks');
  return line;
}

/** Writes the chain anew from a line on, as somebody would who knows the format and has no key. */
function rewriteFrom(path: string, name: string, first: number): void {
  editLines(path, name, (lines) => {
    let point = JSON.parse(text(lines[first - 1])) as { seq: number; chain: string };
    return lines.map((line, index) => {
      if (index < first) return line;
      const { seq: _seq, time, chain: _chain, ...rest } = JSON.parse(line) as Record<string, unknown>;
      if (index === first) rest['path'] = 'secret/data/forged';
      const made = chainLine({ seq: point.seq, head: point.chain }, String(time), JSON.stringify(rest));
      point = { seq: made.point.seq, chain: made.point.head };
      return made.text.trimEnd();
    });
  });
}

const tamperings: readonly Tampering[] = [
  {
    what: 'a removed line',
    kinds: ['removed'],
    at: { file: second, line: 3 },
    hand: (path) => editLines(path, second, (lines) => lines.toSpliced(2, 1)),
  },
  {
    what: 'a changed line',
    kinds: ['changed'],
    at: { file: second, line: 3 },
    hand: (path) =>
      editLines(path, second, (lines) => lines.map((l, n) => (n === 2 ? l.replace('secret', 'public') : l))),
  },
  {
    what: 'a changed chain value',
    kinds: ['changed', 'changed'],
    at: { file: second, line: 3 },
    hand: (path) =>
      editLines(path, second, (lines) =>
        lines.map((l, n) => (n === 2 ? l.replace(/.{43}"}$/, `${'A'.repeat(43)}"}`) : l)),
      ),
  },
  {
    what: 'two lines in another order',
    kinds: ['removed', 'out-of-order'],
    at: { file: second, line: 3 },
    hand: (path) => editLines(path, second, (lines) => lines.toSpliced(2, 2, text(lines[3]), text(lines[2]))),
  },
  {
    what: 'a repeated line',
    kinds: ['out-of-order'],
    at: { file: second, line: 4 },
    hand: (path) => editLines(path, second, (lines) => lines.toSpliced(3, 0, text(lines[2]))),
  },
  {
    what: 'an inserted line of JSON',
    kinds: ['changed'],
    at: { file: second, line: 4 },
    hand: (path) => editLines(path, second, (lines) => lines.toSpliced(3, 0, '{"type":"request"}')),
  },
  {
    what: 'a line that is no JSON',
    kinds: ['changed'],
    at: { file: third, line: 2 },
    hand: (path) => editLines(path, third, (lines) => lines.toSpliced(1, 0, '\u0000'.repeat(2_500_000))),
  },
  {
    what: 'a cut tail',
    kinds: ['cut'],
    unanchored: [],
    hand: (path) => editLines(path, third, (lines) => lines.slice(0, -2)),
  },
  {
    what: 'a tail cut inside a line',
    kinds: ['cut'],
    unanchored: [],
    hand: (path) => truncateSync(join(path, third), readFileSync(join(path, third)).length - 20),
  },
  {
    what: 'a missing last segment',
    kinds: ['cut'],
    unanchored: [],
    hand: (path) => rmSync(join(path, third)),
  },
  {
    what: 'a missing segment in the middle',
    kinds: ['segment-missing', 'removed', 'removed'],
    hand: (path) => rmSync(join(path, second)),
  },
  {
    what: 'an emptied segment',
    kinds: ['unsigned', 'removed', 'removed'],
    hand: (path) => truncateSync(join(path, second)),
  },
  {
    what: 'a missing chain',
    kinds: ['chain-missing'],
    unanchored: [],
    hand: (path) => rmSync(path, { recursive: true }),
  },
  {
    what: 'a chain of which only the directory is left',
    kinds: ['cut'],
    unanchored: ['segment-missing'],
    hand: (path) => {
      rmSync(path, { recursive: true });
      mkdirSync(path);
    },
  },
  {
    what: 'a missing closing line',
    kinds: ['unsigned', 'removed', 'removed'],
    hand: (path) => editLines(path, second, (lines) => lines.slice(0, -1)),
  },
  {
    what: 'a segment written anew from a line on',
    // The forger's closing line carries the old signature; the next segment follows another head.
    kinds: ['signature', 'changed', 'removed'],
    hand: (path) => rewriteFrom(path, second, 3),
  },
  {
    what: 'the last segment written anew without its closing line',
    kinds: ['anchor-mismatch', 'unsigned'],
    unanchored: [],
    hand: (path) => {
      editLines(path, third, (lines) => lines.toSpliced(-1, 1, text(lines[1])));
      rewriteFrom(path, third, 1);
    },
  },
  {
    what: 'a closing line signed with another key',
    kinds: ['signature', 'anchor-mismatch'],
    unanchored: ['signature'],
    hand: (path) =>
      editLines(path, third, (lines) => {
        const before = JSON.parse(text(lines.at(-2))) as { seq: number; chain: string };
        const closing = JSON.parse(text(lines.at(-1))) as { chain_id: string; segment: number; time: string };
        const at = {
          chainId: closing.chain_id,
          segment: closing.segment,
          seq: before.seq,
          head: before.chain,
        };
        const entry = closingEntry(signerOf(Buffer.alloc(32, 1)), at, true);
        return lines.toSpliced(-1, 1, chainLine(at, closing.time, JSON.stringify(entry)).text.trimEnd());
      }),
  },
  {
    what: 'a line after the end',
    kinds: ['appended', 'changed'],
    hand: (path) => appendFileSync(join(path, third), '{}\n'),
  },
  {
    what: 'a chained line after the end',
    kinds: ['appended', 'appended'],
    unanchored: ['appended'],
    hand: (path) =>
      editLines(path, third, (lines) => {
        const last = JSON.parse(text(lines.at(-1))) as { seq: number; chain: string; time: string };
        return [
          ...lines,
          chainLine({ seq: last.seq, head: last.chain }, last.time, '{"type":"event"}').text.trimEnd(),
        ];
      }),
  },
  {
    what: 'half a line after the end',
    kinds: ['appended', 'changed'],
    hand: (path) => appendFileSync(join(path, third), '{"seq":99'),
  },
  {
    what: 'a segment of another name',
    kinds: ['unknown'],
    hand: (path) => writeFileSync(join(path, '4.jsonl'), ''),
  },
  {
    what: 'a segment repeated under the next number',
    kinds: ['appended', 'out-of-order', 'out-of-order', 'unsigned'],
    unanchored: ['appended', 'out-of-order', 'out-of-order'],
    hand: (path) => {
      writeFileSync(
        join(path, '000004.jsonl'),
        `${text(readFileSync(join(path, third), 'utf8').split('\n')[0])}\n`,
      );
    },
  },
  {
    what: 'a strange file beside the chains',
    kinds: ['unknown'],
    hand: (path) => writeFileSync(`${path}.bak`, ''),
  },
  {
    what: 'a chain that the store does not know',
    kinds: ['unknown'],
    unanchored: ['segment-missing'],
    hand: (path) => {
      const other = path.replace(/.{12}$/, '0'.repeat(12));
      mkdirSync(other);
    },
  },
  {
    what: 'a copy of the chain under another id',
    kinds: ['unknown', 'out-of-order', 'out-of-order', 'out-of-order'],
    unanchored: ['out-of-order', 'out-of-order', 'out-of-order'],
    hand: (path) => cpSync(path, path.replace(/.{12}$/, '0'.repeat(12)), { recursive: true }),
  },
];

describe('threat 25: tampering', () => {
  it.each(tamperings)('$what is found', async ({ hand, kinds, unanchored, at }) => {
    const { path, anchors } = await closedChain();
    expect(await check(anchors)).toMatchObject({ intact: true });
    hand(path);
    const report = await check(anchors);
    const problems = [...report.problems, ...report.chains.flatMap((chain) => chain.problems)];
    expect(problems.map(({ kind }) => kind).sort()).toEqual([...kinds].sort());
    expect(problems.every(({ beyondAnchor }) => !beyondAnchor)).toBe(true);
    expect(report.intact).toBe(false);
    if (at) expect(problems[0]).toMatchObject({ file: expect.stringMatching(`/${at.file}$`), line: at.line });
    const alone = await check(undefined);
    const shown = [...alone.problems, ...alone.chains.flatMap((chain) => chain.problems)];
    expect(shown.map(({ kind }) => kind).sort()).toEqual([...(unanchored ?? kinds)].sort());
  });

  it('a link in place of a segment is not followed', async () => {
    const { path, anchors } = await closedChain();
    renameSync(join(path, third), join(place.root, 'moved'));
    symlinkSync(join(place.root, 'moved'), join(path, third));
    await expect(check(anchors)).rejects.toMatchObject({ code: 'ELOOP' });
  });

  it('any flipped bit is found', async () => {
    const { path, anchors } = await closedChain();
    const file = join(path, second);
    const original = readFileSync(file);
    for (let at = 0; at < original.length; at += 37) {
      const flipped = Buffer.from(original);
      flipped.writeUInt8((original[at] ?? 0) ^ (1 << (at % 8)), at);
      writeFileSync(file, flipped);
      expect((await check(anchors)).intact, `byte ${at}`).toBe(false);
    }
    writeFileSync(file, original);
    expect((await check(anchors)).intact).toBe(true);
  });

  it('any place at which the end is cut off is found with anchors', async () => {
    const { path, anchors } = await closedChain();
    const file = join(path, third);
    for (let size = readFileSync(file).length - 1; size >= 0; size -= 41) {
      truncateSync(file, size);
      expect((await check(anchors)).intact, `${size} bytes`).toBe(false);
    }
  });
});

describe('how far a report vouches', () => {
  it('through the anchor, by name, line and time', async () => {
    const { anchors } = await closedChain();
    const [anchor] = anchors;
    const { chains } = await check(anchors);
    expect(chains[0]).toMatchObject({
      state: 'closed',
      lines: anchor?.seq,
      firstTime: '2026-11-22T01:36:00.000000000Z',
      beyondAnchor: 0,
      publicKeys: [anchor?.publicKey],
      vouches: `anchored through line ${anchor?.seq} at 2026-11-22T01:36:00.000000000Z`,
    });
  });

  it('says of a chain that is being written what the chain alone speaks for', async () => {
    const log = await place.open();
    await log.append({ type: 'event' }, 'kernel');
    const before = place.store.commits;
    place.clock.advance(1000);
    await settled(() => place.store.commits > before);
    await log.append({ type: 'event' }, 'kernel');
    appendFileSync(join(log.path, '000001.jsonl'), '{"seq":4,');
    const report = await check(await readAnchors(place.store));
    expect(report).toMatchObject({ intact: true, chains: [{ state: 'open', lines: 3, beyondAnchor: 1 }] });
    expect(report.chains[0]?.torn).toMatchObject({ segment: 1, bytes: 9 });
    expect(report.chains[0]?.vouches).toContain('1 later line is vouched for by the chain alone');
    await log.close().catch(() => {});
  });

  it('marks damage after the anchor of an open chain as such', async () => {
    const log = await place.open();
    const before = place.store.commits;
    place.clock.advance(1000);
    await settled(() => place.store.commits > before);
    await log.append({ type: 'event', path: 'a' }, 'kernel');
    await log.append({ type: 'event' }, 'kernel');
    editLines(log.path, '000001.jsonl', (lines) =>
      lines.map((line) => line.replace('"path":"a"', '"path":"b"')),
    );
    const { chains } = await check(await readAnchors(place.store));
    expect(chains[0]?.problems).toMatchObject([{ kind: 'changed', line: 2, beyondAnchor: true }]);
    expect(chains[0]?.vouches).toMatch(/^anchored through line 1 /);
    await log.close();
  });

  it('is the chain itself without anchors', async () => {
    const { path } = await closedChain();
    expect((await check(undefined)).chains[0]?.vouches).toMatch(/^self-consistent and signed/);
    editLines(path, third, (lines) => lines.slice(0, -1));
    const { chains } = await check(undefined);
    expect(chains[0]).toMatchObject({
      state: 'open',
      vouches: 'self-consistent only: a cut tail would not show',
    });
  });

  it('leaves chains of other nodes to them', async () => {
    const { anchors } = await closedChain();
    const [anchor] = anchors;
    if (anchor === undefined) throw new Error('no anchor');
    const chainId = '00000000-0000-4000-8000-000000000000';
    const other = { ...anchor, chainId, process: { ...anchor.process, node: 'elsewhere' } };
    const node = anchor.process.node;
    const report = await verifyAudit({ directory: place.directory, anchors: [anchor, other], node });
    expect(report).toMatchObject({ intact: true, elsewhere: [chainId] });
    expect((await check([anchor, other])).intact).toBe(false);
  });
});
