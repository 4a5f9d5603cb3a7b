import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  extension,
  type Holder,
  issue,
  issueAuthority,
  issueClient,
  nameFrom,
  utf8,
  type Wish,
} from '../../../test/fakes/authority.ts';
import { sequence, tlv } from '../../../test/fakes/certificate.ts';
import { type ParsedCertificate, parseCertificate } from './certificate.ts';
import { chainsOf } from './chain.ts';

const root = issueAuthority('root');
const middle = issueAuthority('middle', root);
const day = 86_400_000;

const parsed = ({ der }: Holder) => parseCertificate(der);

/** Lengths of the chains that are found. */
function chains(
  leaf: Holder,
  sent: readonly Holder[] = [],
  anchors: readonly Holder[] = [root],
  now = Date.now(),
) {
  const search = { leaf: parsed(leaf), sent: sent.map(parsed), anchors: anchors.map(parsed), now };
  return [...chainsOf(search)].map((chain: readonly ParsedCertificate[]) => chain.length);
}

describe('a chain', () => {
  it('goes from a client to an authority, by what the client sent in any order', () => {
    expect(chains(issueClient('a', root))).toEqual([2]);
    const lower = issueAuthority('lower', middle);
    const leaf = issueClient('a', lower);
    expect(chains(leaf, [lower, middle])).toEqual([4]);
    expect(chains(leaf, [middle, root, lower])).toEqual([4]);
    expect(chains(leaf, [middle])).toEqual([]);
    expect(chains(leaf, [], [lower])).toEqual([2]);
  });

  it('is a certificate by itself where that one is trusted', () => {
    const own = issue({ commonName: 'self' });
    expect(chains(own, [], [own])).toEqual([1]);
    const authority = issueAuthority('self', undefined, { keyUsage: 0x86 });
    expect(chains(authority, [], [authority])).toEqual([1]);
    expect(chains(issue({ commonName: 'self' }), [], [own])).toEqual([]);
  });

  it('takes RSA, whole and as old certificates have it', () => {
    const rsa = issueAuthority('rsa', undefined, { keyType: 'RSA-2048' });
    expect(chains(issueClient('a', rsa), [], [rsa])).toEqual([2]);
    expect(chains(issue({ commonName: 'bare' }, rsa), [], [rsa])).toEqual([2]);
  });
});

/** How many chains these bytes have; none where they are no certificate. */
function chainsOfBytes(der: Buffer, anchors: readonly ParsedCertificate[]): number {
  let leaf: ParsedCertificate;
  try {
    leaf = parseCertificate(der);
  } catch (error) {
    expect(error).toMatchObject({ code: 'invalid_request' });
    return 0;
  }
  return [...chainsOf({ leaf, sent: [], anchors, now: Date.now() })].length;
}

const clients: readonly (readonly [string, Wish])[] = [
  ['is for servers only', { purposes: ['01'] }],
  ['is for signing code', { purposes: ['03'] }],
  ['has expired', { notAfter: Date.now() - 1_000 }],
  ['is not valid yet', { notBefore: Date.now() + 60_000 }],
  ['may not sign', { keyUsage: 0x20 }],
  ['has a short key', { keyType: 'RSA-1024' }],
  ['is an authority’s', { authority: true }],
  ['has a critical extension that nobody here knows', { extensions: [extension('2a0304', utf8('x'), true)] }],
  ['has name constraints', { extensions: [extension('551d1e', sequence())] }],
];

const authorities: readonly (readonly [string, Wish])[] = [
  ['is none', { authority: false }],
  ['does not say that it is one', { authority: undefined as unknown as boolean }],
  ['may not sign certificates', { keyUsage: 0x82 }],
  ['is for servers only', { purposes: ['01'] }],
  ['has expired', { notAfter: Date.now() - 1_000 }],
  ['is not valid yet', { notBefore: Date.now() + 60_000 }],
  ['has a short key', { keyType: 'RSA-1024' }],
  ['has name constraints', { extensions: [extension('551d1e', sequence(), true)] }],
  ['has policy constraints', { extensions: [extension('551d24', sequence(), true)] }],
];

describe('threat 24: there is no chain', () => {
  it.each(clients)('for a client whose certificate %s', (_why, wish) => {
    expect(chains(issueClient('a', root, wish))).toEqual([]);
    const own = issueClient('a', root, wish);
    // Trusted by itself it is trusted for what it says, too.
    expect(chains(own, [], [own])).toEqual(wish.authority === true ? [1] : []);
  });

  it.each(authorities)('through an authority that %s', (_why, wish) => {
    const between = issueAuthority('between', root, wish);
    const leaf = issueClient('a', between);
    expect(chains(leaf, [between])).toEqual([]);
    expect(chains(leaf, [], [between])).toEqual([]);
  });

  it('to an authority that only has the right name', () => {
    const forged = issueAuthority('root');
    expect(chains(issueClient('a', forged))).toEqual([]);
    expect(chains(issueClient('a', forged), [forged])).toEqual([]);
    // A name is its bytes: other ways to write it are another name.
    const printable = issueAuthority('', undefined, {
      subject: nameFrom(['550403', tlv(0x13, Buffer.from('root'))]),
    });
    expect(chains(issueClient('a', printable))).toEqual([]);
  });

  it('by a signature of SHA-1', () => {
    const rsa = issueAuthority('rsa', undefined, { keyType: 'RSA-2048' });
    expect(chains(issueClient('a', rsa, { hash: 'sha1' }), [], [rsa])).toEqual([]);
    expect(chains(issueClient('a', root, { hash: 'sha1' }))).toEqual([]);
  });

  it('by a certificate of which a bit was changed', () => {
    const { der } = issueClient('a', root);
    const anchors = [parsed(root)];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: der.length * 8 - 1 }), (bit) => {
        const changed = Buffer.from(der);
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(chainsOfBytes(changed, anchors)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('longer than an authority allows', () => {
    const strict = issueAuthority('strict', undefined, { pathLength: 0 });
    const below = issueAuthority('below', strict);
    expect(chains(issueClient('a', strict), [], [strict])).toEqual([2]);
    expect(chains(issueClient('a', below), [below], [strict])).toEqual([]);
    const one = issueAuthority('one', undefined, { pathLength: 1 });
    const lower = issueAuthority('lower', one);
    const lowest = issueAuthority('lowest', lower);
    expect(chains(issueClient('a', lower), [lower], [one])).toEqual([3]);
    expect(chains(issueClient('a', lowest), [lower, lowest], [one])).toEqual([]);
  });

  it('of any length, and none is looked for without end', () => {
    let holder = root;
    const sent: Holder[] = [];
    for (let depth = 0; depth < 9; depth++) {
      holder = issueAuthority(`depth-${depth}`, holder);
      sent.push(holder);
    }
    expect(chains(issueClient('a', holder), sent)).toEqual([]);
    // Twenty authorities of one name and key, each of which could have issued each other.
    const first = issueAuthority('same');
    const same = Array.from({ length: 20 }, () => issueAuthority('same', first, { keyOf: first }));
    expect(chains(issueClient('a', first), same)).toEqual([]);
  });

  it('at a time that is not its own', () => {
    const leaf = issueClient('a', root, { notBefore: Date.now() - 5_000, notAfter: Date.now() + 5_000 });
    expect(chains(leaf, [], [root], Date.now())).toEqual([2]);
    expect(chains(leaf, [], [root], Date.now() + 10_000)).toEqual([]);
    expect(chains(leaf, [], [root], Date.now() - 10_000)).toEqual([]);
    expect(
      chains(issueClient('a', root, { notAfter: Date.now() + 9 * day }), [], [root], Date.now() + 2 * day),
    ).toEqual([]);
  });
});

describe('threat 24: what is no certificate', () => {
  const refuse = (der: Buffer) => expect(() => parseCertificate(der)).toThrow(/cannot be read/);

  it('is told in one way', () => {
    const { der } = issueClient('a', root);
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('x'),
      der.subarray(0, -1),
      Buffer.concat([der, Buffer.from([0])]),
      Buffer.concat([der, der]),
      Buffer.alloc(100_000, 0x30),
    ]) {
      refuse(bytes);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void refuse(Buffer.from(bytes))));
  });

  it('is one with names that could be read in two ways', () => {
    for (const wish of [
      { commonName: 'admin\0.example.org' },
      { commonName: 'admin\n' },
      { commonName: '' },
      { subject: nameFrom(['550403', utf8('a')], ['550403', utf8('admin')]) },
      { subject: nameFrom(['550403', tlv(0x04, Buffer.from('admin'))]) },
      { dns: ['good.example.org\0.evil.example'] },
      { dns: ['a b'] },
      { dns: ['é'] },
      { emails: ['root@example.org\0x'] },
      { uris: ['spiffe://a/\0'] },
      { uris: [''] },
    ] satisfies readonly Wish[]) {
      refuse(issueClient('x', root, wish).der);
    }
  });

  it('is one with an extension twice, or one that cannot be read', () => {
    const usage = extension('551d25', sequence(Buffer.from('06082b06010505070302', 'hex')));
    refuse(issue({ commonName: 'a', extensions: [usage, usage] }, root).der);
    refuse(
      issue({ commonName: 'a', extensions: [extension('551d25', Buffer.from('ff00', 'hex'))] }, root).der,
    );
    refuse(issue({ commonName: 'a', extensions: [extension('551d13', Buffer.alloc(0))] }, root).der);
  });
});
