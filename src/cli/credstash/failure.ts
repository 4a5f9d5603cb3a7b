/** How the old programs tell that something failed: 2 for the command line, 1 for all else. */
import { CofferError, type ErrorCode } from '../../errors.ts';

export class OldFailure extends CofferError {
  readonly exit: 1 | 2;

  constructor(exit: 1 | 2, message: string, code: ErrorCode = 'usage') {
    super(code, message);
    this.name = 'OldFailure';
    this.exit = exit;
  }
}

/** A mistake on the command line. */
export function misuse(message: string): OldFailure {
  return new OldFailure(2, message);
}

export function failed(message: string, code: ErrorCode = 'usage'): OldFailure {
  return new OldFailure(1, message, code);
}
