/**
 * One line of an audit log, and the chain that ties it to the line before.
 *
 * A line is a JSON object whose first two members are `seq` and `time` and whose last is `chain`: base64url of
 * SHA-256(chain value of the line before ‖ the line's bytes before `,"chain":`). Before the first line of a chain stands the
 * empty text. A chain value holds no `{`, so the two parts of what is hashed cannot run into each other.
 */
import crypto from 'node:crypto';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import { RawJson } from '../request.ts';

/** Bytes of the longest line that is written, newline included. */
export const longestLine = 1024 * 1024;

/** Where a chain stands: the last line's number (0 before the first) and its chain value. */
export interface ChainPoint {
  readonly seq: number;
  readonly head: string;
}

export const beginning: ChainPoint = { seq: 0, head: '' };

/** 32 bytes in base64url. */
const headLength = 43;
const chainMember = ',"chain":"';
const suffixLength = chainMember.length + headLength + '"}'.length;

/** The one-shot digest came with Node 20.12 and saves half a microsecond a line. */
const digest: (text: string) => string =
  typeof crypto.hash === 'function'
    ? (text) => crypto.hash('sha256', text, 'base64url')
    : (text) => crypto.createHash('sha256').update(text).digest('base64url');

/** What `entry` becomes as the line after `point`. `json` is a JSON object's text with at least one member. */
export function chainLine(
  point: ChainPoint,
  time: string,
  json: string,
): { readonly text: string; readonly point: ChainPoint } {
  const seq = point.seq + 1;
  const body = `{"seq":${seq},"time":"${time}",${json.slice(1, -1)}`;
  const head = digest(point.head + body);
  return { text: `${body}${chainMember}${head}"}\n`, point: { seq, head } };
}

/** What a line says. `RawJson` is taken for the JSON that it is. */
export interface LineContent {
  readonly [name: string]: JsonValue | RawJson;
}

/** `"name":` by name: an entry's names are few and the program's own. */
const memberNames = new Map<string, string>();
const mostMemberNames = 256;

/** An entry's JSON text. Throws `internal` for a member that the log itself writes, or for what is not JSON. */
export function entryJson(entry: LineContent): string {
  let json = '';
  for (const name of Object.keys(entry)) {
    if (name === 'seq' || name === 'time' || name === 'chain') {
      throw new CofferError('internal', 'an audit entry may not hold seq, time or chain');
    }
    const value = valueJson(entry[name]);
    if (value !== undefined) json += (json === '' ? '{' : ',') + memberName(name) + value;
  }
  if (json === '') throw new CofferError('internal', 'an audit entry is empty');
  return `${json}}`;
}

function valueJson(value: JsonValue | RawJson | undefined): string | undefined {
  if (value === null) return 'null';
  if (typeof value === 'object' && value instanceof RawJson) return value.text;
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new CofferError('internal', 'an audit entry is not JSON', { cause });
  }
}

function memberName(name: string): string {
  const known = memberNames.get(name);
  if (known !== undefined) return known;
  const text = `${JSON.stringify(name)}:`;
  if (memberNames.size < mostMemberNames) memberNames.set(name, text);
  return text;
}

export interface ParsedLine extends ChainPoint {
  readonly time: string;
  readonly content: JsonObject;
  /** The chain value that the line should carry, given the line before. */
  readonly expected: (previous: string) => string;
}

/** Reads a line without its newline; undefined if it is not one. Whether the chain holds is for the caller to compare. */
export function parseLine(bytes: Buffer): ParsedLine | undefined {
  const content = parseObject(bytes);
  const cut = bytes.length - suffixLength;
  if (content === undefined || cut < 0) return undefined;
  const { seq, time, chain } = content;
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return undefined;
  if (typeof time !== 'string' || typeof chain !== 'string') return undefined;
  if (bytes.toString('latin1', cut) !== `${chainMember}${chain}"}`) return undefined;
  const expected = (previous: string) =>
    crypto.createHash('sha256').update(previous).update(bytes.subarray(0, cut)).digest('base64url');
  return { seq, time, head: chain, content, expected };
}

/** The end of a line that carries this chain value: what must stand before an anchored offset. */
export function lineEnding(head: string): Buffer {
  return Buffer.from(`${chainMember}${head}"}\n`);
}

function parseObject(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
