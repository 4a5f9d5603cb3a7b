/** Finds what the log says of one request. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonObject } from '../../json.ts';
import { requirePrivateDirectory } from './disk.ts';
import { parseLine } from './line.ts';
import { lineBatches, openSegmentFile } from './read-lines.ts';
import { parseChainDirectoryName, segmentName } from './segment.ts';
import { listSegments } from './walk.ts';

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
  const { directory, requestId } = options;
  if (!/^[0-9A-Za-z-]{1,64}$/.test(requestId)) {
    throw new CofferError('invalid_request', 'a request id is a uuid, as in `request_id` of an answer');
  }
  requirePrivateDirectory(directory);
  for (const name of (await readdir(directory)).sort()) {
    if (parseChainDirectoryName(name) === undefined) continue;
    const { segments } = await listSegments(join(directory, name));
    for (const segment of segments)
      yield* findInSegment(directory, join(name, segmentName(segment)), requestId);
  }
}

async function* findInSegment(directory: string, name: string, requestId: string): AsyncGenerator<FoundLine> {
  const needle = Buffer.from(`"${requestId}"`);
  const file = await openSegmentFile(join(directory, name));
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
