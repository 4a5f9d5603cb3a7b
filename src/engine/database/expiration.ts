/** When a user ends, as a text that the databases read. */

/** Milliseconds that a user's own end lies behind that of its lease, which is what ends it. */
const slack = 5_000;

/** `2026-01-02 03:04:05+0000`: the lease's last moment and a little more. */
export function expirationText(now: number, seconds: number): string {
  const text = new Date(now + seconds * 1_000 + slack).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)}+0000`;
}
