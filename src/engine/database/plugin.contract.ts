/** What every database plug-in keeps, against a server of its kind. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DatabasePlace } from '../../../test/setup/database-place.ts';
import { CofferError } from '../../errors.ts';
import { sessionLimits } from './connections.ts';
import { expirationText } from './expiration.ts';
import type { Connected, DatabasePlugin, NewUser, Session, TlsFields } from './plugin.ts';

export interface ContractStatements {
  readonly create: readonly string[];
  /** Makes the user, and then fails. */
  readonly halfWay: readonly string[];
  /** Lets the user change its own password. */
  readonly ownPassword: readonly string[];
  /** Hostile texts that this kind of server takes for no name, or for another one. */
  readonly notNames: readonly string[];
}

/** Texts that would end a quote, a statement or a message, were they pasted. */
export const hostileTexts = [
  "'; DROP TABLE thing; --",
  `"; DROP TABLE thing; --`,
  '`; DROP TABLE thing; #',
  "\\'; DROP TABLE thing; --",
  '\\',
  "'",
  '"',
  '`',
  "''",
  '$$; DROP TABLE thing; $$',
  '/* */ -- #',
  '{{password}}',
  '%s %d ? $1 :name @x',
  'ünïcödé 雪 🗝 ٣',
  ' blanks ',
  'tab\tline\nbreak',
] as const;

export function describeDatabasePlugin(
  plugin: DatabasePlugin,
  place: DatabasePlace,
  statements: ContractStatements,
): void {
  const prefix = `c${place.name.slice(-6)}`;
  let session: Session;
  let made = 0;

  const connect = async (username: string, password: string): Promise<Connected> => {
    const target = plugin.parseUrl(place.url, { username, password }, {});
    return plugin.login(target, sessionLimits);
  };
  const sessionOf = async (username: string, password: string): Promise<Session> => {
    const connected = await connect(username, password);
    if (connected.kind !== 'session') throw new Error('the login was refused');
    return connected.session;
  };
  const newUser = (given: Partial<NewUser> = {}): NewUser => ({
    username: `${prefix}-${made++}`,
    password: 'Pass-word-1',
    expiration: expirationText(Date.now(), 3_600),
    statements: statements.create,
    rollback: [],
    ...given,
  });
  beforeAll(async () => {
    session = await sessionOf(place.name, place.password);
  });
  afterAll(async () => {
    for (const name of await place.users(prefix)) await session.dropUser(name, []);
    session.close();
    await place.close();
  });

  describe('a user', () => {
    it('is made, may log in, and is there until it is dropped', async () => {
      const user = newUser();
      expect(await session.userExists(user.username)).toBe(false);
      await session.createUser(user);
      expect(await session.userExists(user.username)).toBe(true);
      expect(await place.whoAmI(user.username, user.password)).toBe(user.username);
      await session.renewUser(user.username, expirationText(Date.now(), 7_200), []);
      await session.dropUser(user.username, []);
      expect(await session.userExists(user.username)).toBe(false);
      await expect(place.whoAmI(user.username, user.password)).rejects.toThrow();
    });

    it('that is gone, or never was, is dropped once more without a word', async () => {
      await session.dropUser('nobody-of-this-name', []);
      await session.dropUser('nobody-of-this-name', [`DROP USER '{{name}}'`]);
      const user = newUser();
      await session.createUser(user);
      await session.dropUser(user.username, []);
      await session.dropUser(user.username, []);
    });

    it('gets another password, and then the one before does not count', async () => {
      const user = newUser();
      await session.createUser(user);
      await session.setPassword(user.username, 'Second-1', []);
      expect(await place.whoAmI(user.username, 'Second-1')).toBe(user.username);
      await expect(place.whoAmI(user.username, user.password)).rejects.toThrow();
      await expect(session.setPassword('nobody-of-this-name', 'x', [])).rejects.toMatchObject({
        code: 'invalid_request',
      });
    });

    it('changes its own password', async () => {
      const user = newUser({ statements: [...statements.create, ...statements.ownPassword] });
      await session.createUser(user);
      const own = await sessionOf(user.username, user.password);
      await own.setOwnPassword(user.username, 'Own-1', []);
      own.close();
      expect(await place.whoAmI(user.username, 'Own-1')).toBe(user.username);
    });

    it('loses its open sessions when it is dropped', async () => {
      const user = newUser();
      await session.createUser(user);
      const own = await sessionOf(user.username, user.password);
      await session.dropUser(user.username, []);
      await expect(own.userExists('x')).rejects.toMatchObject({ code: 'unavailable' });
      expect(own.usable).toBe(false);
    });
  });

  describe('what the database refuses', () => {
    it('leaves nothing, and the session is good for more', async () => {
      const user = newUser({ statements: ['THIS IS NO STATEMENT {{name}}'] });
      await expect(session.createUser(user)).rejects.toMatchObject({ code: 'invalid_request' });
      expect(await session.userExists(user.username)).toBe(false);
      expect(session.usable).toBe(true);
    });

    it('half way leaves nothing either', async () => {
      const user = newUser({ statements: statements.halfWay });
      await expect(session.createUser(user)).rejects.toMatchObject({ code: 'invalid_request' });
      expect(await session.userExists(user.username)).toBe(false);
    });

    it('of a user that is there leaves that user', async () => {
      const user = newUser();
      await session.createUser(user);
      await expect(session.createUser({ ...user, password: 'other' })).rejects.toMatchObject({
        code: 'invalid_request',
      });
      expect(await place.whoAmI(user.username, user.password)).toBe(user.username);
    });

    it('at the door is told apart from a server that is away', async () => {
      expect((await connect(place.name, 'wrong')).kind).toBe('login-refused');
      expect((await connect('nobody-of-this-name', 'x')).kind).toBe('login-refused');
      const target = { ...plugin.parseUrl(place.url, { username: 'a', password: 'b' }, {}), port: 1 };
      await expect(plugin.login(target, sessionLimits)).rejects.toMatchObject({ code: 'unavailable' });
    });

    it('threat 16: is told without a word of the statement or of the login', async () => {
      const secret = 'Canary-7c1f';
      const failures = await Promise.all(
        [
          newUser({
            password: secret,
            statements: [`SELECT '{{password}}' FROM "nothing" WHERE {{name}} {{password}} )`],
          }),
          newUser({
            password: secret,
            statements: [`CREATE USER '{{password}}' '{{password}}' '{{password}}'`],
          }),
        ].map((user) => session.createUser(user).catch((error: unknown) => error)),
      );
      for (const failure of failures) {
        expect(failure).toBeInstanceOf(CofferError);
        expect(everything(failure)).not.toContain(secret);
      }
    });
  });

  describe('threat 22: a text that would break out of a statement', () => {
    const names = hostileTexts.filter((text) => !statements.notNames.includes(text));
    it.each(names.map((text) => [text]))('stays a user’s name: %j', async (text) => {
      const user = newUser({ username: `${prefix}${made++}${text}`.slice(0, 40) });
      await session.createUser(user);
      expect(await place.users(user.username)).toEqual([user.username]);
      expect(await place.whoAmI(user.username, user.password)).toBe(user.username);
      await session.renewUser(user.username, expirationText(Date.now(), 7_200), []);
      await session.setPassword(user.username, 'Second-1', []);
      expect(await place.whoAmI(user.username, 'Second-1')).toBe(user.username);
      await session.dropUser(user.username, []);
      expect(await place.users(user.username)).toEqual([]);
      expect(await place.sql(`SELECT * FROM ${tableOf(place)}`)).toEqual([]);
    });

    it.each(hostileTexts.map((text) => [text]))('stays a password: %j', async (text) => {
      const user = newUser({
        password: `p${text}`,
        statements: [...statements.create, ...statements.ownPassword],
      });
      await session.createUser(user);
      expect(await place.whoAmI(user.username, user.password)).toBe(user.username);
      await session.setPassword(user.username, `q${text}`, []);
      expect(await place.whoAmI(user.username, `q${text}`)).toBe(user.username);
      const own = await sessionOf(user.username, `q${text}`);
      await own.setOwnPassword(user.username, `r${text}`, []);
      own.close();
      expect(await place.whoAmI(user.username, `r${text}`)).toBe(user.username);
      await session.dropUser(user.username, []);
      expect(await place.sql(`SELECT * FROM ${tableOf(place)}`)).toEqual([]);
    });

    it.each(['a\0b', 'half \ud800 a character'])(
      'is refused where no database could take it',
      async (text) => {
        for (const given of [{ username: text }, { password: text }]) {
          await expect(session.createUser(newUser(given))).rejects.toMatchObject({ code: 'invalid_request' });
        }
        await expect(session.setPassword('a', text, [])).rejects.toMatchObject({ code: 'invalid_request' });
      },
    );
  });

  describe('an address', () => {
    const login = { username: "o'hara@x:/?#[]%", password: 'p@ss:w/rd?#%41&{{username}}' };

    it('takes a login of any characters out of its places', () => {
      const target = plugin.parseUrl(place.url, login, {});
      expect(target).toMatchObject({
        ...login,
        host: '127.0.0.1',
        port: place.server.port,
        database: place.name,
      });
    });

    it('threat 16: hides a password that stands in it', () => {
      const literal = place.url.replace('{{password}}', 'Canary-7c1f');
      expect(plugin.maskUrl(literal)).toEqual({
        url: place.url.replace('{{password}}', '*****'),
        masked: true,
      });
      expect(plugin.maskUrl(place.url)).toEqual({ url: place.url, masked: false });
      expect(plugin.parseUrl(literal, { username: 'u', password: '' }, {}).password).toBe('Canary-7c1f');
    });

    it.each([
      '',
      'nonsense',
      'http://169.254.169.254/latest',
      'file:///etc/passwd',
      '{{other}}',
      'x'.repeat(5_000),
    ])('that is none is refused without being quoted: %j', (url) => {
      const refused = () => plugin.parseUrl(url, login, {} satisfies TlsFields);
      expect(refused).toThrow(expect.objectContaining({ code: 'invalid_request' }));
      if (url.length > 10) expect(refused).not.toThrow(url.slice(0, 30));
    });
  });
}

function tableOf(place: DatabasePlace): string {
  return place.kind === 'postgresql' ? 'thing' : `${place.name}.thing`;
}

/** All that a log could print of an error. */
function everything(error: unknown): string {
  const seen: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause)
    seen.push(at.message, String(at.stack), JSON.stringify(at));
  return seen.join('\n');
}
