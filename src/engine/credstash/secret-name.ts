import type { Call } from '../../core/endpoint.ts';
import { ownName } from '../../credstash/item.ts';
import { CofferError } from '../../errors.ts';

/** The secret that a call names. Throws `invalid_request` where it names none, a folder, or the table's own item. */
export function secretName(call: Pick<Call, 'params'>): string {
  const name = call.params['path'] ?? '';
  if (name === '' || name.endsWith('/')) throw new CofferError('invalid_request', 'a secret needs a name');
  if (name === ownName) throw new CofferError('invalid_request', `the name ${ownName} is the table's own`);
  return name;
}
