import { describe, expect, it } from 'vitest';
import { letterText } from './letter-text.ts';
import { letter } from './notifier.contract.ts';

const minted = 'Credentials Minted For Account';
const role = { role: 'AccountAdmin' };

describe('the text of a letter', () => {
  it('begins as old installations have it where a role was handed out, by a login or an engine', () => {
    const login = { ...role, issuer: 'acme', account: 'ann', outcome: 'granted' };
    for (const each of [
      letter({ kind: 'login.totp', fields: login }),
      letter({ kind: 'credentials.issued', fields: { ...role, principal: 'acme/ann' } }),
    ]) {
      const { subject, body } = letterText(each);
      expect(subject).toBe(minted);
      expect(body.split('\n').slice(0, 4)).toEqual([
        'STSFTW has minted new STS crentials:',
        'Issuer: acme',
        'Account Name: ann',
        'AWS Role: AccountAdmin',
      ]);
    }
  });

  it('says so of nothing that was refused, only asked for, or has no role', () => {
    for (const each of [
      letter({ kind: 'login.totp', fields: { ...role, outcome: 'refused' } }),
      letter({ kind: 'login.totp', fields: { role: '', issuer: 'acme', account: 'ann' } }),
      letter({ kind: 'credentials.requested', fields: role }),
      letter({ kind: 'credentials.refused', fields: role }),
      letter({ kind: 'approval.used', fields: role }),
    ]) {
      const { subject, body } = letterText(each);
      expect(subject).toBe(each.subject);
      expect(body).not.toContain('STSFTW');
    }
  });

  it('leaves out what is empty', () => {
    expect(letterText(letter({ fields: { second_party: '', by: 'ann' } })).body).not.toMatch(/Second Party/);
  });
});
