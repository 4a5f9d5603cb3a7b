/** Finds what the log says of one request. */
import { join } from 'node:path';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { parseLine } from './line.ts';
import { filePlace, type LogPlace } from './log-place.ts';
import { lineBatches } from './read-lines.ts';
import { segmentName } from './segment.ts';

export interface FoundLine {
  /** Relative to the audit directory. */
  readonly file: string;
  readonly line: number;
  readonly content: JsonObject;
}

/**
 * The lines of a request, chain by chain in the order of their starts. Whether they are what was written is `verifyAudit`'s to
 * say. Throws `invalid_request` if the id cannot be one.
 */
export async function* findRequest(options: {
  readonly directory: string;
  readonly requestId: string;
}): AsyncGenerator<FoundLine> {
  requireRequestId(options.requestId);
  yield* findInPlace(filePlace(options.directory), options.requestId);
}

/** The same in a log wherever it is. */
export async function* findInPlace(place: LogPlace, requestId: string): AsyncGenerator<FoundLine> {
  requireRequestId(requestId);
  for (const chain of (await place.chains()).chains) {
    const { segments } = await place.segments(chain);
    for (const segment of segments) yield* findInSegment(place, chain, segment, requestId);
  }
}

function requireRequestId(requestId: string): void {
  if (/^[0-9A-Za-z-]{1,64}$/.test(requestId)) return;
  throw new CofferError('invalid_request', 'a request id is a uuid, as in `request_id` of an answer');
}

async function* findInSegment(
  place: LogPlace,
  chain: string,
  segment: number,
  requestId: string,
): AsyncGenerator<FoundLine> {
  const name = join(chain, segmentName(segment));
  const needle = Buffer.from(`"${requestId}"`);
  const file = await place.open(chain, segment);
  try {
    const { size } = await file.stat();
    for await (const batch of lineBatches(file, 0, size)) {
      for (const line of batch) {
        if (!line.bytes.includes(needle)) continue;
        const content = parseLine(line.bytes)?.content;
        if (content && isAbout(content, requestId)) yield { file: name, line: line.number, content };
      }
    }
  } finally {
    await file.close();
  }
}

/** Only where the server itself writes the id: a caller could name another request in a field of its own. */
function isAbout(content: JsonObject, requestId: string): boolean {
  const { request_id: id, request } = content;
  return id === requestId || (isJsonObject(request) && request['id'] === requestId);
}
