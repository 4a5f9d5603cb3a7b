/** What the road finds out of a request's fields before it decides. What is wrong is told once the request is audited. */
import { asCofferError, type CofferError } from '../errors.ts';
import type { Call, Endpoint } from './endpoint.ts';
import { type CoercedFields, coerceFields } from './field.ts';
import type { Request } from './request.ts';

/** Whether what is to be written is not there yet. What goes wrong in asking is told once the request is audited. */
export async function isAbsent(
  endpoint: Endpoint | undefined,
  call: Call,
): Promise<{ readonly absent: boolean; readonly problem: CofferError | undefined }> {
  try {
    return { absent: endpoint?.exists !== undefined && !(await endpoint.exists(call)), problem: undefined };
  } catch (error) {
    return { absent: false, problem: asCofferError(error) };
  }
}

export const none: readonly string[] = [];
const noFields: CoercedFields = { values: {}, unknown: none };

export function readFields(
  endpoint: Endpoint | undefined,
  request: Request,
): { readonly coerced: CoercedFields; readonly fieldError: CofferError | undefined } {
  if (endpoint === undefined) return { coerced: noFields, fieldError: undefined };
  try {
    return { coerced: coerceFields(endpoint.fields, request.data), fieldError: undefined };
  } catch (error) {
    return { coerced: noFields, fieldError: asCofferError(error) };
  }
}
