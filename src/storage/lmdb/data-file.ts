/**
 * A look at LMDB's data file before LMDB maps it. A page that the file is too short for would not be an error later but a
 * SIGBUS, the end of the process; so a cut file is told here. The layout is that of `MDB_page`, `MDB_meta`, `MDB_db` and
 * `MDB_node` in the LMDB that lmdb 3.5 brings (data version 2, 64-bit, little-endian): a page header of 24 bytes, two
 * meta pages of which the one with the newer transaction counts, and two trees, of free pages and of records.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { CofferError } from '../../errors.ts';

const pageHeader = 24;
const pageFlags = { branch: 1, leaf: 2, meta: 8 } as const;
const metaMagic = 0xbeefc0de;
const metaVersion = 2;
const noPage = 2n ** 64n - 1n;
const bigValue = 1;

interface Header {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly transaction: bigint;
  readonly roots: readonly bigint[];
}

/**
 * Throws `store_unusable` if the file at `path` is no data file of LMDB, or lacks pages that it refers to. Other processes
 * may be writing; they never write over what the newest transaction refers to, so a look is only repeated if that changed.
 */
export function checkDataFile(path: string): void {
  // Elsewhere (32 bits, big-endian) the layout is another one, and LMDB's own look at the first page has to do.
  if (endianness() !== 'LE' || !['x64', 'arm64'].includes(process.arch)) return;
  const file = openSync(path, 'r');
  try {
    for (let attempt = 0; ; attempt++) {
      const header = readHeader(file, path);
      const damage = findDamage(file, header);
      if (damage === undefined) return;
      const settled = readHeader(file, path).transaction === header.transaction;
      if (settled || attempt === 9) throw unusable(path, damage);
    }
  } finally {
    closeSync(file);
  }
}

function readHeader(file: number, path: string): Header {
  const first = readMeta(file, 0);
  if (first === undefined) throw unusable(path, 'it does not begin as a data file of LMDB does');
  const second = readMeta(file, first.pageSize);
  if (second === undefined) throw unusable(path, 'its second page is missing or damaged');
  return second.transaction > first.transaction ? second : first;
}

function readMeta(file: number, offset: number): Header | undefined {
  const bytes = Buffer.alloc(160);
  if (readSync(file, bytes, 0, bytes.length, offset) < bytes.length) return undefined;
  const isMeta = (bytes.readUInt16LE(18) & pageFlags.meta) !== 0;
  if (!isMeta || bytes.readUInt32LE(24) !== metaMagic || bytes.readUInt16LE(28) !== metaVersion)
    return undefined;
  const pageSize = bytes.readUInt32LE(48);
  if (pageSize < 512 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0) return undefined;
  return {
    pageSize,
    roots: [bytes.readBigUInt64LE(88), bytes.readBigUInt64LE(136)],
    lastPage: Number(bytes.readBigUInt64LE(144)),
    transaction: bytes.readBigUInt64LE(152),
  };
}

/** What is wrong, in words, or `undefined`. A file of full length is trusted beyond its roots: reading it all would take long. */
function findDamage(file: number, header: Header): string | undefined {
  const pages = Math.floor(fstatSync(file).size / header.pageSize);
  // A transaction that frees what it took at the end leaves the file shorter than its last page says: only then every
  // reference has to be followed.
  const complete = pages > header.lastPage;
  for (const root of header.roots) {
    if (root === noPage) continue;
    if (!isWhole(file, header.pageSize, pages, Number(root), !complete)) {
      return complete ? 'a page of it is damaged' : 'it is cut off, or a page of it is damaged';
    }
  }
  return undefined;
}

/** Whether the tree at `root` lies within the first `pages`; `deep` follows it to the leaves and their large values. */
function isWhole(file: number, pageSize: number, pages: number, root: number, deep: boolean): boolean {
  const bytes = Buffer.alloc(pageSize);
  const open = [root];
  for (let page = open.pop(); page !== undefined; page = open.pop()) {
    if (page >= pages || readSync(file, bytes, 0, pageSize, page * pageSize) < pageSize) return false;
    const isBranch = (bytes.readUInt16LE(18) & pageFlags.branch) !== 0;
    const isLeaf = (bytes.readUInt16LE(18) & pageFlags.leaf) !== 0;
    if (isBranch === isLeaf) return false;
    if (!deep) continue;
    const nodes = nodesOf(bytes);
    if (nodes === undefined) return false;
    for (const node of nodes) {
      if (isBranch) open.push(childPage(bytes, node));
      else if (!largeValueFits(bytes, node, pageSize, pages)) return false;
    }
  }
  return true;
}

/** Offsets of a page's nodes, `undefined` if one does not lie in the page. */
function nodesOf(page: Buffer): readonly number[] | undefined {
  const count = page.readUInt16LE(20) >>> 1;
  const nodes: number[] = [];
  for (let index = 0; index < count; index++) {
    const slot = pageHeader + 2 * index;
    if (slot + 2 > page.length) return undefined;
    const node = pageHeader + page.readUInt16LE(slot);
    if (node + 16 > page.length) return undefined;
    nodes.push(node);
  }
  return nodes;
}

function childPage(page: Buffer, node: number): number {
  return page.readUInt32LE(node) + page.readUInt16LE(node + 4) * 2 ** 32;
}

function largeValueFits(page: Buffer, node: number, pageSize: number, pages: number): boolean {
  if ((page.readUInt16LE(node + 4) & bigValue) === 0) return true;
  const reference = node + 8 + page.readUInt16LE(node + 6);
  if (reference + 8 > page.length) return false;
  const needed = Math.floor((pageHeader - 1 + page.readUInt32LE(node)) / pageSize) + 1;
  return Number(page.readBigUInt64LE(reference)) + needed <= pages;
}

function unusable(path: string, damage: string): CofferError {
  return new CofferError(
    'store_unusable',
    `the data file ${path} is not usable: ${damage}; restore its directory from a backup`,
  );
}
