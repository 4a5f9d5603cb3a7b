/** Passphrases that open nothing but doors to strangers: too short, a pattern, or a sample that everybody knows. */
import { CofferError } from '../../errors.ts';

const fewestCharacters = 12;
const mostBytes = 1_024;
const fewestDifferent = 6;

/** In lower case, letters and digits only. Whatever is made of nothing but these words is refused. */
const known: readonly string[] = [
  'correcthorsebatterystaple',
  'mysecretpassphrase',
  'mysecretpassword',
  'thequickbrownfoxjumpsoverthelazydog',
  'passphrase',
  'password',
  'passwort',
  'changeme',
  'changeit',
  'letmein',
  'trustno1',
  'iloveyou',
  'administrator',
  'admin',
  'qwertyuiop',
  'qwerty',
  'asdfghjkl',
  'zxcvbnm',
  'secret',
  'sample',
  'example',
  'test',
  'coffer',
  'vault',
  'root',
  'welcome',
  'hunter2',
];

/**
 * The one form of a passphrase: without blanks at its ends, in Unicode's form NFKC, so that every keyboard gives the same bytes.
 * Throws `invalid_request` for what can't be one: empty, too long, with control characters. Never repeats it.
 */
export function parsePassphrase(text: string): Buffer {
  const form = text.isWellFormed() ? text.trim().normalize('NFKC') : '';
  if (form === '' || Buffer.byteLength(form) > mostBytes || /\p{Cc}/u.test(form)) {
    throw new CofferError(
      'invalid_request',
      `a passphrase is one line of text, at most ${mostBytes.toLocaleString('en')} bytes`,
    );
  }
  return Buffer.from(form);
}

/** Throws `invalid_request` for a passphrase that no slot should be made with. What opens a slot that is there is not asked. */
export function checkPassphrase(passphrase: Buffer): void {
  const characters = [...passphrase.toString()];
  if (characters.length < fewestCharacters) {
    throw weak(`it has fewer than ${fewestCharacters} characters`);
  }
  if (new Set(characters).size < fewestDifferent || isRun(characters)) throw weak('it is a pattern');
  if (isKnown(passphrase.toString())) throw weak('everybody knows it');
}

/** Each character follows the one before by the same step: `abcdefghijkl`, `987654321098`. */
function isRun(characters: readonly string[]): boolean {
  const steps = characters.slice(1).map((each, index) => {
    return (each.codePointAt(0) ?? 0) - (characters[index]?.codePointAt(0) ?? 0);
  });
  const first = steps[0] ?? 0;
  return Math.abs(first) <= 1 && steps.filter((step) => step === first).length >= steps.length - 1;
}

/** Whether nothing is left but a few characters once the known words are taken out. */
function isKnown(passphrase: string): boolean {
  let rest = passphrase.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  for (const word of known) rest = rest.replaceAll(word, '');
  return rest.replace(/^\d+|\d+$/g, '').length < 4;
}

function weak(reason: string): CofferError {
  return new CofferError(
    'invalid_request',
    `this passphrase is too weak: ${reason}. Take five or more words drawn at random`,
  );
}
