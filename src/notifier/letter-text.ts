/** A letter as text, for what people read: mails, and topics that mails come from. */
import type { Letter } from './notifier.ts';

export interface LetterText {
  readonly subject: string;
  /** Lines, each with its end. */
  readonly body: string;
}

/** What old installations send, word for word: rules of mailboxes and programs go by these lines. */
const mintedSubject = 'Credentials Minted For Account';
const mintedFirstLine = 'STSFTW has minted new STS crentials:';
const mintedKinds: readonly string[] = ['credentials.issued', 'login.totp'];

/** Where a role was handed out the text begins as stsftw's did; what more is known comes after it. */
export function letterText(letter: Letter): LetterText {
  const { subject, fields } = letter;
  const { role = '', ...known } = fields;
  if (role === '' || fields['outcome'] === 'refused' || !mintedKinds.includes(letter.kind)) {
    return { subject, body: lines([subject, '', ...fieldLines(fields), ...endLines(letter)]) };
  }
  const { issuer, account, ...rest } = withAccount(known);
  const minted = [
    mintedFirstLine,
    `Issuer: ${issuer}`,
    `Account Name: ${account}`,
    `AWS Role: ${role}`,
    ...fieldLines(rest),
    ...endLines(letter),
  ];
  return { subject: mintedSubject, body: lines(minted) };
}

/** Whoever logged in by one-time codes has issuer and account in the name of their principal. */
function withAccount(fields: Letter['fields']): Letter['fields'] & { issuer: string; account: string } {
  const { principal = '', display_name: name = '' } = fields;
  const slash = principal.indexOf('/');
  const [issuer, account] =
    slash < 0 ? ['', principal || name] : [principal.slice(0, slash), principal.slice(slash + 1)];
  return { issuer, account, ...fields };
}

function fieldLines(fields: Letter['fields']): readonly string[] {
  return Object.entries(fields)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${titled(name)}: ${value}`);
}

function endLines({ id, at, kind }: Letter): readonly string[] {
  return [`Time: ${new Date(at).toISOString()}`, `Kind: ${kind}`, `Notice: ${id}`];
}

/** `approved_by` is `Approved By`, as the lines above have it. */
function titled(name: string): string {
  return name.replace(/(?:^|_)([a-z])/g, (_, letter: string, at: number) =>
    at === 0 ? letter.toUpperCase() : ` ${letter.toUpperCase()}`,
  );
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}
