/** What may stand before the function. A further one is a row here. */
import { isJsonObject, type JsonObject } from '../json.ts';
import { alb } from './alb.ts';
import type { Front } from './front.ts';
import { httpEvent } from './http-event.ts';
import { restEvent } from './rest-event.ts';

const fronts: readonly Front[] = [alb, httpEvent, restEvent];

/** Undefined for an event that is no request of HTTP. */
export function frontOf(event: unknown): { readonly front: Front; readonly request: JsonObject } | undefined {
  if (!isJsonObject(event)) return undefined;
  const front = fronts.find((each) => each.takes(event));
  return front === undefined ? undefined : { front, request: event };
}
