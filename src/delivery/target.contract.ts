/** What every kind of target does, wherever it delivers. */
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { asCofferError, CofferError } from '../errors.ts';
import { clientDocument, userDocument } from './document.ts';
import type { CredentialDocument, DocumentName, OpenTarget, Parcel, TargetType } from './target.ts';

export interface TargetSubject {
  readonly type: TargetType;
  readonly address: string;
  open(): OpenTarget;
  /** What readers find: the texts of the documents that there are. */
  holds(application: string): Promise<{ readonly [N in DocumentName]?: string }>;
  /** From now on the other side refuses to take anything. */
  refuse(): Promise<void>;
  /** From now on it takes requests and says nothing; absent for kinds without another side. */
  hang?(): Promise<void>;
  /** The server's configuration becomes narrower: the address is not listed any more. Absent for kinds that somebody's rights bound. */
  narrow?(): void;
  /** Addresses of the kind that are wrong, besides those that are wrong for all. */
  readonly wrong: readonly string[];
  /** Whether both documents are written together, whichever of them changed. */
  readonly together?: true;
}

const codes = ['invalid_request', 'permission_denied', 'rate_limited', 'unavailable'];
const secrets = ['pa55word-one', 'pa55word-two', 'cl1ent-one', 'cl1ent-two'];

export const firstUser = userDocument('stups_shop', 'pa55word-one');
export const secondUser = userDocument('stups_shop', 'pa55word-two');
export const firstClient = clientDocument('id-1', 'cl1ent-one');
export const secondClient = clientDocument('id-2', 'cl1ent-two');

export function parcelOf(
  user: CredentialDocument | undefined,
  client: CredentialDocument | undefined,
  changed: readonly DocumentName[] = ['user', 'client'],
  application = 'shop',
): Parcel {
  const documents = { ...(user === undefined ? {} : { user }), ...(client === undefined ? {} : { client }) };
  return { application, documents, changed };
}

/** Nothing that was delivered is in an error, in none of its causes and fields. */
export function expectHarmless(error: unknown): CofferError {
  expect(error).toBeInstanceOf(CofferError);
  const found = asCofferError(error);
  expect(codes).toContain(found.code);
  const all = inspect(error, { depth: 10, showHidden: true });
  for (const secret of secrets) expect(all).not.toContain(secret);
  expect(found.message).not.toMatch(/[\r\n]/);
  expect(found.message.length).toBeLessThan(1_200);
  return found;
}

export async function failureOf(promise: Promise<unknown>): Promise<CofferError> {
  return expectHarmless(await promise.catch((thrown: unknown) => thrown));
}

export function never(): AbortSignal {
  return new AbortController().signal;
}

/** @param subject asked for in each test */
export function targetContract(subject: () => TargetSubject): void {
  it('delivers a pair as it is, and again without harm', async () => {
    const { open, holds } = subject();
    const target = open();
    const pair = { user: firstUser.text, client: firstClient.text };
    await target.deliver(parcelOf(firstUser, firstClient), never());
    expect(await holds('shop')).toEqual(pair);
    await target.deliver(parcelOf(firstUser, firstClient), never());
    expect(await holds('shop')).toEqual(pair);
    target.close();
  });

  it('delivers what there is, and the rest once there is more', async () => {
    const { open, holds } = subject();
    const target = open();
    await target.deliver(parcelOf(firstUser, undefined), never());
    expect(await holds('shop')).toEqual({ user: firstUser.text });
    const open_ = clientDocument('public', null);
    await target.deliver(parcelOf(firstUser, open_, ['client']), never());
    expect(await holds('shop')).toEqual({ user: firstUser.text, client: open_.text });
    target.close();
  });

  it('writes what changed', async () => {
    const { open, holds, together } = subject();
    const target = open();
    await target.deliver(parcelOf(firstUser, firstClient), never());
    await target.deliver(parcelOf(secondUser, secondClient, ['user']), never());
    const client = together === true ? secondClient.text : firstClient.text;
    expect(await holds('shop')).toEqual({ user: secondUser.text, client });
    await target.deliver(parcelOf(secondUser, secondClient, ['client']), never());
    expect(await holds('shop')).toEqual({ user: secondUser.text, client: secondClient.text });
    target.close();
  });

  it('serves many applications side by side, each for itself', async () => {
    const { open, holds } = subject();
    const target = open();
    const names = Array.from({ length: 8 }, (_, at) => `app-${at}`);
    const documentOf = (name: string) => userDocument(`stups_${name}`, `of ${name}`);
    await Promise.all(
      names.map((name) => target.deliver(parcelOf(documentOf(name), undefined, ['user'], name), never())),
    );
    for (const name of names) expect(await holds(name)).toEqual({ user: documentOf(name).text });
    await target.remove('app-3', never());
    expect(await holds('app-3')).toEqual({});
    expect(await holds('app-4')).toEqual({ user: documentOf('app-4').text });
    target.close();
  });

  it('takes away what it delivered, twice, and what never was there', async () => {
    const { open, holds } = subject();
    const target = open();
    await target.remove('shop', never());
    await target.deliver(parcelOf(firstUser, firstClient), never());
    await target.remove('shop', never());
    expect(await holds('shop')).toEqual({});
    await target.remove('shop', never());
    expect(await holds('shop')).toEqual({});
    await target.deliver(parcelOf(secondUser, undefined), never());
    expect(await holds('shop')).toEqual({ user: secondUser.text });
    target.close();
  });

  it('probes without a change that readers see, before the first delivery and after', async () => {
    const { open, holds } = subject();
    const target = open();
    await target.probe('shop', never());
    expect(await holds('shop')).toEqual({});
    await target.deliver(parcelOf(firstUser, firstClient), never());
    await target.probe('shop', never());
    expect(await holds('shop')).toEqual({ user: firstUser.text, client: firstClient.text });
    target.close();
  });

  it('names what shares a bound, alike each time', () => {
    const { open } = subject();
    expect(open().place).toBe(open().place);
    expect(open().place).not.toBe('');
  });

  it('threat 16: says no secret when it is refused, whatever is tried', async () => {
    const { open, refuse } = subject();
    const target = open();
    await target.deliver(parcelOf(firstUser, firstClient), never());
    await refuse();
    await failureOf(target.probe('shop', never()));
    await failureOf(target.deliver(parcelOf(secondUser, secondClient), never()));
    await failureOf(target.remove('shop', never()));
    target.close();
  });

  it('begins nothing once its time is over', async () => {
    const { open, holds } = subject();
    const target = open();
    const over = AbortSignal.abort();
    for (const late of [
      () => target.probe('shop', over),
      () => target.deliver(parcelOf(firstUser, firstClient), over),
      () => target.remove('shop', over),
    ]) {
      expect(await failureOf(late())).toMatchObject({ code: 'unavailable' });
    }
    expect(await holds('shop')).toEqual({});
    target.close();
  });

  it('gives up when it is told to', async ({ skip }) => {
    const { open, hang } = subject();
    if (hang === undefined) return skip('there is no other side that could be silent');
    const target = open();
    await target.deliver(parcelOf(firstUser, firstClient), never());
    await hang();
    for (const call of [
      (signal: AbortSignal) => target.deliver(parcelOf(secondUser, secondClient), signal),
      (signal: AbortSignal) => target.probe('shop', signal),
      (signal: AbortSignal) => target.remove('shop', signal),
    ]) {
      const ending = new AbortController();
      const calling = failureOf(call(ending.signal));
      setImmediate(() => ending.abort());
      expect(await calling).toMatchObject({ code: 'unavailable' });
    }
    target.close();
  });

  it('goes on nowhere that is not listed any more', async ({ skip }) => {
    const { type, address, open, holds, narrow } = subject();
    if (narrow === undefined) return skip('no configuration lists them');
    const target = open();
    await target.deliver(parcelOf(firstUser, firstClient), never());
    narrow();
    expect(() => type.parse(address)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(() => open()).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    const failure = await failureOf(target.deliver(parcelOf(secondUser, secondClient), never()));
    expect(['invalid_request', 'permission_denied']).toContain(failure.code);
    await failureOf(target.probe('shop', never()));
    await failureOf(target.remove('shop', never()));
    expect(await holds('shop')).toEqual({ user: firstUser.text, client: firstClient.text });
    target.close();
  });

  it('threat 12: takes no id for a path', async () => {
    const { open } = subject();
    const target = open();
    for (const id of [
      '',
      '.',
      '..',
      '../x',
      'a/b',
      'a/../../b',
      '/etc',
      'a\\b',
      'a\0b',
      'A',
      'ä',
      `a${'b'.repeat(80)}`,
      'a\n',
    ]) {
      for (const call of [
        () => target.deliver(parcelOf(firstUser, firstClient, ['user'], id), never()),
        () => target.probe(id, never()),
        () => target.remove(id, never()),
      ]) {
        expect(await failureOf(call()), JSON.stringify(id)).toMatchObject({ code: 'invalid_request' });
      }
    }
    target.close();
  });

  it('has one spelling of an address, and refuses others in words', () => {
    const { type, address, wrong } = subject();
    const parsed = type.parse(address);
    expect(type.parse(parsed)).toBe(parsed);
    const common = [
      `${type.scheme}:`,
      `${type.scheme}://`,
      `${address}${address.includes('?') ? '&' : '?'}colour=red`,
      `${address}?a?b`,
      `${address}\n`,
      `${address}\0`,
      `${address}\u2028`,
      `${address}/../up`,
      `${address}${'x'.repeat(5_000)}`,
      'ftp://example.com/x',
    ];
    for (const text of [...common, ...wrong]) {
      const refused = expect.objectContaining({ code: 'invalid_request' });
      expect(() => type.parse(text), JSON.stringify(text.slice(0, 100))).toThrow(refused);
    }
  });
}
