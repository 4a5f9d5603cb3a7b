/** Which format an item is in, and which is written. */
import { CofferError } from '../errors.ts';
import { cofferAlgorithm, cofferFormat } from './coffer-format.ts';
import { aesCtrFormat, aesGcmFormat } from './credsmash-format.ts';
import { credstashFormat } from './credstash-format.ts';
import type { ItemFormat, WrittenFormat } from './format.ts';
import { type Item, label, optionalText } from './item.ts';

const byAlgorithm: Readonly<Record<string, ItemFormat>> = {
  '': credstashFormat,
  'aes-ctr-legacy': credstashFormat,
  'aes-ctr': aesCtrFormat,
  'aes-gcm': aesGcmFormat,
  [cofferAlgorithm]: cofferFormat,
};

const written: Readonly<Record<WrittenFormat, ItemFormat>> = {
  coffer: cofferFormat,
  credstash: credstashFormat,
  credsmash: aesCtrFormat,
};

/** Throws `integrity` for an item whose algorithm is none of the table's. */
export function formatOf(item: Item): ItemFormat {
  const algorithm = optionalText(item, 'algorithm') ?? '';
  const format = Object.hasOwn(byAlgorithm, algorithm) ? byAlgorithm[algorithm] : undefined;
  if (format !== undefined) return format;
  throw new CofferError(
    'integrity',
    `${label(item)} names an algorithm that is not known here: ${JSON.stringify(algorithm.slice(0, 40))}`,
  );
}

export function formatNamed(name: WrittenFormat): ItemFormat {
  return written[name];
}
