/**
 * Text from elsewhere must not steer the terminal it is shown on (escape sequences that retitle windows, hide text or answer
 * for the user). Covered: C0, DEL, C1, line separators, and Unicode's direction overrides, which make text read differently
 * from what it says.
 */
const steering = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const steeringButLines = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** One line: every steering character is shown as an escape such as `\n` or `\u001b`. */
export function escapeLine(text: string): string {
  return text.replace(steering, visible);
}

/** Several lines: as `escapeLine`, but newlines and tabs stay. */
export function escapeLines(text: string): string {
  return text.replace(steeringButLines, visible);
}

/** JSON text that means the same and steers nothing: `JSON.stringify` leaves all but C0 as they are. */
export function escapeJson(text: string): string {
  return text.replace(steeringButLines, hexadecimal);
}

function visible(character: string): string {
  return short[character] ?? hexadecimal(character);
}

function hexadecimal(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
