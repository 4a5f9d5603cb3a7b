/**
 * GF(2^8) with the polynomial x^8 + x^4 + x^3 + x + 1 (FIPS 197 §4), without a table and without a branch that depends on a
 * value: neither the time it takes nor the memory it touches tells what is computed (CVE-2023-25000 was a table). A runtime
 * compiler gives no promise of that; what it is given has nothing to choose by.
 */

/** The low eight bits of the polynomial. */
const reduction = 0x1b;

/** The product of two bytes: eight rounds, whatever they are. */
export function multiply(left: number, right: number): number {
  let product = 0;
  let shifted = left;
  for (let bit = 0; bit < 8; bit++) {
    product ^= shifted & -((right >>> bit) & 1);
    shifted = ((shifted << 1) & 0xff) ^ (reduction & -((shifted >>> 7) & 1));
  }
  return product;
}

/** The inverse of a byte as its 254th power; of 0 it is 0. */
export function invert(value: number): number {
  let power = value;
  let inverse = 1;
  // 254 = 2 + 4 + 8 + 16 + 32 + 64 + 128.
  for (let bit = 1; bit < 8; bit++) {
    power = multiply(power, power);
    inverse = multiply(inverse, power);
  }
  return inverse;
}

export interface Point {
  /** From 1 to 255; different in each point. */
  readonly x: number;
  /** One byte of each polynomial; of the same length in each point. */
  readonly y: Buffer;
}

/** The polynomials' bytes at 0, by Lagrange's formula. */
export function interpolateAtZero(points: readonly Point[]): Buffer {
  const sum = Buffer.alloc(points[0]?.y.length ?? 0);
  for (const [at, { x, y }] of points.entries()) {
    let factor = 1;
    for (const [other, point] of points.entries()) {
      // The points' numbers are no secret; their bytes are.
      if (other !== at) factor = multiply(factor, multiply(point.x, invert(x ^ point.x)));
    }
    for (const [index, byte] of y.entries()) sum[index] = (sum[index] ?? 0) ^ multiply(byte, factor);
  }
  return sum;
}
