/**
 * What is sent to PostgreSQL and what comes back, as bytes: the messages of its protocol 3.0 that small statements need (PostgreSQL's
 * documentation, 55.7), and the binary form of the values that are large. Nothing here waits, or knows a connection.
 */

export interface Statement {
  /** Prepared once a connection under this name; without one it is sent as it is. */
  readonly name?: string;
  readonly text: string;
  /** Rows come in PostgreSQL's binary form, else in its text form. */
  readonly binary?: true;
}

/** Bytes are in the binary form of the parameter's type, all else in its text form. */
export type Value = string | number | null | Buffer;

/** A statement and its values. */
export interface Step {
  readonly statement: Statement;
  readonly values: readonly Value[];
}

/** A row as it came: a part of what was received, and to be copied by whoever keeps it. */
export type RawRow = readonly (Buffer | null)[];

/** Type, length. */
const headBytes = 5;
/** Execute of the unnamed portal, all rows. */
const execute = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0]);
const sync = Buffer.from([0x53, 0, 0, 0, 4]);

/**
 * Statements one after the other, with one Sync at the end: what fails ends them all, and unless one of them says otherwise they are one
 * transaction.
 *
 * @param parses by place in `steps`: whether the server has to be told the statement first
 */
export function framesOf(steps: readonly Step[], parses: readonly boolean[]): Buffer {
  let size = sync.length;
  for (const [place, step] of steps.entries()) {
    if (parses[place] === true) size += parseBytes(step.statement);
    size += bindBytes(step) + execute.length;
  }
  const frames = Buffer.allocUnsafe(size);
  let at = 0;
  for (const [place, step] of steps.entries()) {
    if (parses[place] === true) at = writeParse(frames, at, step.statement);
    at = writeBind(frames, at, step);
    at += execute.copy(frames, at);
  }
  sync.copy(frames, at);
  return frames;
}

function parseBytes({ name = '', text }: Statement): number {
  return headBytes + name.length + 1 + Buffer.byteLength(text) + 1 + 2;
}

function writeParse(frames: Buffer, start: number, statement: Statement): number {
  const end = start + parseBytes(statement);
  let at = writeHead(frames, start, 0x50, end);
  at = writeText(frames, at, statement.name ?? '');
  at = writeText(frames, at, statement.text);
  // Types of parameters: the server finds them out.
  return frames.writeUInt16BE(0, at);
}

function bindBytes({ statement: { name = '' }, values }: Step): number {
  let size = headBytes + 1 + name.length + 1 + 2 + 2 + 4;
  for (const value of values) size += 6 + lengthOf(value);
  return size;
}

function writeBind(frames: Buffer, start: number, { statement, values }: Step): number {
  let at = writeHead(frames, start, 0x42, 0);
  at = writeText(frames, at, '');
  at = writeText(frames, at, statement.name ?? '');
  at = frames.writeUInt16BE(values.length, at);
  for (const value of values)
    at = frames.writeUInt16BE(typeof value === 'object' && value !== null ? 1 : 0, at);
  at = frames.writeUInt16BE(values.length, at);
  for (const value of values) at = writeValue(frames, at, value);
  at = frames.writeUInt16BE(1, at);
  at = frames.writeUInt16BE(statement.binary === true ? 1 : 0, at);
  frames.writeUInt32BE(at - start - 1, start + 1);
  return at;
}

function lengthOf(value: Value): number {
  if (value === null) return 0;
  return typeof value === 'object' ? value.length : Buffer.byteLength(String(value));
}

function writeValue(frames: Buffer, at: number, value: Value): number {
  if (value === null) return frames.writeInt32BE(-1, at);
  const start = at + 4;
  const length =
    typeof value === 'object' ? value.copy(frames, start) : frames.write(String(value), start, 'utf8');
  frames.writeInt32BE(length, at);
  return start + length;
}

function writeHead(frames: Buffer, start: number, type: number, end: number): number {
  frames[start] = type;
  return frames.writeUInt32BE(Math.max(0, end - start - 1), start + 1);
}

function writeText(frames: Buffer, at: number, text: string): number {
  return frames.writeUInt8(0, at + frames.write(text, at, 'utf8'));
}

/** Object ids of types (`pg_type.dat`). */
const [byteaType, bigintType, integerType] = [17, 20, 23];
const arrayHead = 20;

/** An array of so many elements of so many bytes in all; they begin behind its head. */
function newArray(type: number, length: number, bytes: number, nulls = 0): Buffer {
  if (length === 0) {
    const empty = Buffer.alloc(12);
    empty.writeInt32BE(type, 8);
    return empty;
  }
  const array = Buffer.allocUnsafe(arrayHead + 4 * length + bytes);
  // Dimensions; whether NULL is among them; type; length; the first one's number.
  array.writeInt32BE(1, 0);
  array.writeInt32BE(Math.min(1, nulls), 4);
  array.writeInt32BE(type, 8);
  array.writeInt32BE(length, 12);
  array.writeInt32BE(1, 16);
  return array;
}

/** Binary form of an array of byte strings; texts stand for their UTF-8. */
export function bytesArray(values: readonly (Buffer | string)[]): Buffer {
  let bytes = 0;
  for (const value of values) bytes += lengthOf(value);
  const array = newArray(byteaType, values.length, bytes);
  let at = arrayHead;
  for (const value of values) at = writeValue(array, at, value);
  return array;
}

/** A bigint. */
export interface LongNumber {
  /** Its upper 32 bits, with its sign. */
  readonly high: number;
  readonly low: number;
}

/** Binary form of an array of bigints. */
export function longArray(values: readonly LongNumber[]): Buffer {
  const array = newArray(bigintType, values.length, 8 * values.length);
  let at = arrayHead;
  for (const { high, low } of values) {
    at = array.writeInt32BE(8, at);
    at = array.writeInt32BE(high, at);
    at = array.writeUInt32BE(low, at);
  }
  return array;
}

/** Binary form of an array of bigints that are safe integers and not negative. */
export function numberArray(values: readonly (number | null)[]): Buffer {
  let nulls = 0;
  for (const value of values) if (value === null) nulls += 1;
  const array = newArray(bigintType, values.length, 8 * (values.length - nulls), nulls);
  let at = arrayHead;
  for (const value of values) {
    if (value === null) at = array.writeInt32BE(-1, at);
    else {
      at = array.writeInt32BE(8, at);
      at = array.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
      at = array.writeUInt32BE(value % 0x1_0000_0000, at);
    }
  }
  return array;
}

/** Binary form of an array of integers of 32 bits. */
export function smallArray(values: readonly number[]): Buffer {
  const array = newArray(integerType, values.length, 4 * values.length);
  let at = arrayHead;
  for (const value of values) {
    at = array.writeInt32BE(4, at);
    at = array.writeInt32BE(value, at);
  }
  return array;
}

/** Text form of an array of texts. */
export function textArray(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}

/** A bigint of the binary form that is a safe integer. */
export function numberOf(bytes: Buffer | null | undefined): number {
  return bytes ? bytes.readInt32BE(0) * 0x1_0000_0000 + bytes.readUInt32BE(4) : 0;
}

/** Bytes of one's own. */
export function ownBytes(bytes: Buffer | null | undefined): Buffer {
  return Buffer.from(bytes ?? '');
}

/** Columns of a DataRow, whose head ends at `at`. */
export function rowOf(bytes: Buffer, at: number): RawRow {
  const count = bytes.readUInt16BE(at);
  const row: (Buffer | null)[] = [];
  let place = at + 2;
  for (let column = 0; column < count; column++) {
    const length = bytes.readInt32BE(place);
    place += 4;
    if (length < 0) row.push(null);
    else {
      row.push(bytes.subarray(place, place + length));
      place += length;
    }
  }
  return row;
}

/** Fields of an ErrorResponse or NoticeResponse between `at` and `end`, by their letter. */
export function fieldsOf(bytes: Buffer, at: number, end: number): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (const field of bytes.toString('utf8', at, end).split('\0')) {
    if (field !== '') fields[field.charAt(0)] = field.slice(1);
  }
  return fields;
}
