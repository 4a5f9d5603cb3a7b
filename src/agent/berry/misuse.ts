/** What berry calls a usage error: said in its words, and the end of it with code 1. */
import { CofferError } from '../../errors.ts';

export class BerryMisuse extends CofferError {
  constructor(message: string) {
    super('usage', message);
    this.name = 'BerryMisuse';
  }
}
