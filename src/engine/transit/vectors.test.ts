/** Published vectors, through the same functions that serve requests. */
import { createPublicKey, createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decrypt, deriveKey, encrypt, type OpenKey } from './cipher.ts';
import type { KeyRecord } from './key-record.ts';
import { type KeyTypeName, keyType } from './key-types.ts';
import { ed25519FromSeed, privateKey, publicDerOf, rawEd25519Public } from './key-version.ts';
import { sign, verify } from './signature.ts';

const hex = (text: string) => Buffer.from(text, 'hex');
const record = { derived: false, convergent: false } as KeyRecord;

function symmetric(name: KeyTypeName, key: Buffer): OpenKey {
  const secret = createSecretKey(key);
  return { record, type: keyType(name), version: { key: secret, publicKey: undefined, hmacKey: secret } };
}

/** The GCM specification's test cases 4 and 16 (McGrew and Viega, appendix B, the ones that NIST took over), and RFC 8439 §2.8.2. */
const aead: readonly (readonly [KeyTypeName, string, string, string, string, string, string])[] = [
  [
    'aes128-gcm96',
    'feffe9928665731c6d6a8f9467308308',
    'cafebabefacedbaddecaf888',
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091',
    '5bc94fbc3221a5db94fae95ae7121a47',
  ],
  [
    'aes256-gcm96',
    'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
    'cafebabefacedbaddecaf888',
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
    '76fc6ece0f4e1768cddf8853bb2d551b',
  ],
  [
    'chacha20-poly1305',
    '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
    '070000004041424344454647',
    Buffer.from(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    ).toString('hex'),
    '50515253c0c1c2c3c4c5c6c7',
    'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116',
    '1ae10b594f09e26a7e902ecbd0600691',
  ],
];

it.each(aead)('%s seals and opens as published', (name, key, nonce, plaintext, data, ciphertext, tag) => {
  const open = symmetric(name, hex(key));
  const binding = { context: Buffer.alloc(0), associatedData: hex(data) };
  const sealed = Buffer.concat([hex(nonce), hex(ciphertext), hex(tag)]);
  expect(encrypt(open, hex(plaintext), binding, { bytes: () => hex(nonce) })).toEqual(sealed);
  expect(decrypt(open, sealed, binding)).toEqual(hex(plaintext));
});

/** RFC 8032 §7.1, tests 1 to 3: seed, public key, message, signature. */
const ed25519 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const;

describe('ed25519', () => {
  it.each(ed25519)('signs and verifies as published (%s)', (seed, publicHex, message, signature) => {
    const der = ed25519FromSeed(hex(seed));
    const key = privateKey(der);
    expect(rawEd25519Public(publicDerOf(key)).toString('hex')).toBe(publicHex);
    const open: OpenKey = {
      record,
      type: keyType('ed25519'),
      version: { key, publicKey: createPublicKey(key), hmacKey: createSecretKey(hex('00')) },
    };
    const options = {
      hash: undefined,
      prehashed: false,
      padding: 'pss',
      saltLength: -2,
      sideBySide: false,
    } as const;
    const none = Buffer.alloc(0);
    expect(sign(open, hex(message), none, options).signature.toString('hex')).toBe(signature);
    expect(verify(open, hex(message), none, hex(signature), options)).toBe(true);
    expect(verify(open, hex(`${message}00`), none, hex(signature), options)).toBe(false);
  });
});

it('derives keys by HKDF-SHA-256 without a salt (made by another implementation of RFC 5869)', () => {
  const key = Buffer.alloc(22, 0x0b);
  const derived = deriveKey(createSecretKey(key), Buffer.from('context'), 32);
  expect(derived.toString('hex')).toBe('bd055db3fc0665cf398dd018151e0d7a18edb0d10a6270f0ee17a14dd9c3571d');
  expect(deriveKey(key, Buffer.from('context'), 96).subarray(0, 32)).toEqual(derived);
});
