/**
 * Items as DynamoDB's JSON has them, made into what its client gives: the same maps, with bytes in place of base64. An answer was parsed
 * for one caller alone, so that it is changed where it stands: a scan brings thousands of attributes.
 */
import { AwsError } from './aws-error.ts';
import { decodeBytes } from './base64.ts';
import type { Answer } from './json-client.ts';

/** Deeper than DynamoDB nests (32), so that an answer cannot use up the stack. */
const deepest = 64;

/** The same answer. Throws `AwsError` where items are not what items are. */
export function decodeItems(answer: Answer): Answer {
  const { Item, Items, Attributes, LastEvaluatedKey, Responses, UnprocessedKeys, UnprocessedItems } = answer;
  for (const map of [Item, Attributes, LastEvaluatedKey]) if (map !== undefined) decodeMap(map, 0);
  if (Items !== undefined) decodeMaps(Items);
  if (Array.isArray(Responses)) {
    for (const each of Responses) decodeMember(each, 'Item');
  } else if (Responses !== undefined) {
    for (const items of Object.values(recordOf(Responses))) decodeMaps(items);
  }
  for (const { Keys } of Object.values(recordOf(UnprocessedKeys ?? {})).map(recordOf)) {
    if (Keys !== undefined) decodeMaps(Keys);
  }
  for (const request of Object.values(recordOf(UnprocessedItems ?? {})).flatMap(listOf)) {
    const { PutRequest = {}, DeleteRequest = {} } = recordOf(request);
    decodeMember(PutRequest, 'Item');
    decodeMember(DeleteRequest, 'Key');
  }
  return answer;
}

function decodeMember(holder: unknown, name: string): void {
  const map = recordOf(holder)[name];
  if (map !== undefined) decodeMap(map, 0);
}

function decodeMaps(maps: unknown): void {
  for (const map of listOf(maps)) decodeMap(map, 0);
}

function decodeMap(map: unknown, depth: number): void {
  for (const value of Object.values(recordOf(map))) decodeValue(value, depth + 1);
}

function decodeValue(value: unknown, depth: number): void {
  if (depth > deepest) throw unreadable();
  const attribute = recordOf(value);
  if (attribute['B'] !== undefined) attribute['B'] = decodeBytes(attribute['B']);
  if (attribute['BS'] !== undefined) attribute['BS'] = listOf(attribute['BS']).map(decodeBytes);
  if (attribute['M'] !== undefined) decodeMap(attribute['M'], depth);
  if (attribute['L'] !== undefined) for (const each of listOf(attribute['L'])) decodeValue(each, depth + 1);
}

function recordOf(value: unknown): Answer {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unreadable();
  return value as Answer;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw unreadable();
  return value;
}

function unreadable(): AwsError {
  return new AwsError('aws-fault', 'DynamoDB answered items that cannot be read; try again');
}
