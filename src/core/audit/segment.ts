/** Names of chain directories and segments, and the first and last line of a segment. */
import type { JsonObject } from '../../json.ts';
import { isJsonObject } from '../../json.ts';
import { isSignedBy, type Signer } from './signature.ts';

export const formatVersion = 1;

/** `20261122T013600Z-<chain id>`. */
export function chainDirectoryName(started: string, chainId: string): string {
  return `${started.slice(0, 19).replaceAll(/[-:]/g, '')}Z-${chainId}`;
}

const directoryPattern = /^\d{8}T\d{6}Z-([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/;

/** The chain id in a chain directory's name, or undefined if it is no such name. */
export function parseChainDirectoryName(name: string): string | undefined {
  return directoryPattern.exec(name)?.[1];
}

export function segmentName(segment: number): string {
  return `${String(segment).padStart(6, '0')}.jsonl`;
}

export function parseSegmentName(name: string): number | undefined {
  const digits = /^(\d{6,12})\.jsonl$/.exec(name)?.[1];
  const segment = Number(digits);
  return digits !== undefined && segment > 0 && segmentName(segment) === name ? segment : undefined;
}

/** The end of a segment that could not be closed: what follows `offset` was never acknowledged. */
export interface Abandoned {
  readonly offset: number;
  /** Bytes of the write that failed. */
  readonly bytes: number;
}

export interface SegmentHeader {
  readonly chainId: string;
  readonly segment: number;
  /** The chain value before this line; empty in a chain's first segment. */
  readonly previous: string;
  readonly publicKey: string;
  readonly abandoned?: Abandoned;
}

export interface HeaderWriter {
  readonly pid: number;
  readonly bootId: string;
  readonly node: string;
}

export function headerEntry(header: SegmentHeader, writer: HeaderWriter): JsonObject {
  return {
    type: 'header',
    version: formatVersion,
    chain_id: header.chainId,
    segment: header.segment,
    previous: header.previous,
    pid: writer.pid,
    boot_id: writer.bootId,
    node: writer.node,
    public_key: header.publicKey,
    ...(header.abandoned && { abandoned: { ...header.abandoned } }),
  };
}

/** Undefined if this is not the header of a segment in a format that we know. */
export function parseHeader(content: JsonObject): SegmentHeader | undefined {
  const { type, version, chain_id: chainId, segment, previous, public_key: publicKey } = content;
  if (type !== 'header' || version !== formatVersion) return undefined;
  if (typeof chainId !== 'string' || typeof segment !== 'number') return undefined;
  if (typeof previous !== 'string' || typeof publicKey !== 'string') return undefined;
  const header = { chainId, segment, previous, publicKey };
  if (content['abandoned'] === undefined) return header;
  const abandoned = parseAbandoned(content['abandoned']);
  return abandoned && { ...header, abandoned };
}

function parseAbandoned(value: unknown): Abandoned | undefined {
  if (!isJsonObject(value)) return undefined;
  const { offset, bytes } = value;
  return isCount(offset) && isCount(bytes) ? { offset, bytes } : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

export interface Closing {
  /** No segment follows: the process stopped in order. */
  readonly final: boolean;
  readonly signature: string;
}

/** The signed last line of a segment whose last line so far is `seq` with the chain value `head`. */
export function closingEntry(
  signer: Signer,
  at: { readonly chainId: string; readonly segment: number; readonly seq: number; readonly head: string },
  final: boolean,
): JsonObject {
  return { type: 'close', chain_id: at.chainId, segment: at.segment, final, signature: signer.sign(at) };
}

/** Undefined if this is not a closing line. */
export function parseClosing(content: JsonObject): Closing | undefined {
  const { type, final, signature } = content;
  if (type !== 'close' || typeof final !== 'boolean' || typeof signature !== 'string') return undefined;
  return { final, signature };
}

/** Whether the closing line `closing` of the segment with this header is signed, `seq` and `head` being the line before it. */
export function isClosedBy(header: SegmentHeader, closing: Closing, seq: number, head: string): boolean {
  const { chainId, segment, publicKey } = header;
  return isSignedBy(publicKey, { chainId, segment, seq, head }, closing.signature);
}
