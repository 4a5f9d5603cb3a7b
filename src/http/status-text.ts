/** The words of a status (RFC 9110 §15), for those who have to say them and speak no HTTP themselves. */
import { STATUS_CODES } from 'node:http';

/** Such as `404 Not Found`. */
export function statusText(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`.trim();
}
