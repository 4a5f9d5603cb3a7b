import { describe, expect, it } from 'vitest';
import { databasePlace } from '../../../../test/setup/database-place.ts';
import { sessionLimits } from '../connections.ts';
import { describeDatabasePlugin } from '../plugin.contract.ts';
import { mysql } from './mysql.ts';

const place = await databasePlace('mariadb');
const create = `CREATE USER '{{name}}'@'%' IDENTIFIED BY '{{password}}'`;

describe.skipIf(place === undefined)('MariaDB', () => {
  if (place === undefined) return;
  describeDatabasePlugin(mysql, place, {
    create: [`${create}; GRANT SELECT ON \`${place.name}\`.* TO '{{name}}'@'%' -- a remark`],
    halfWay: [
      `${create};`,
      `GRANT SELECT ON no_such_database.no_such_table TO '{{name}}'@'nowhere'; NO STATEMENT`,
    ],
    ownPassword: [`GRANT CREATE USER ON *.* TO '{{name}}'@'%'`],
    // Names are of three bytes a character, and blanks at their end do not count.
    notNames: ['ünïcödé 雪 🗝 ٣', ' blanks '],
  });

  it('threat 18: of a user that went before its sessions did, ends them when it is dropped once more', async () => {
    const target = (username: string, password: string) =>
      mysql.parseUrl(place.url, { username, password }, {});
    const logIn = async (username: string, password: string) => {
      const connected = await mysql.login(target(username, password), sessionLimits);
      if (connected.kind !== 'session') throw new Error('the login was refused');
      return connected.session;
    };
    const name = `left-${place.name.slice(-6)}`;
    const administrator = await logIn(place.name, place.password);
    await administrator.createUser({
      username: name,
      password: 'Pass-1',
      expiration: '',
      statements: [create, `GRANT SELECT ON \`${place.name}\`.* TO '{{name}}'@'%'`],
      rollback: [],
    });
    const own = await logIn(name, 'Pass-1');
    await place.sql(`DROP USER '${name}'@'%'`);
    await administrator.dropUser(name, []);
    await expect(own.userExists('x')).rejects.toMatchObject({ code: 'unavailable' });
    administrator.close();
  });
});

describe('an address of MySQL', () => {
  const parse = (url: string, tls = {}) => mysql.parseUrl(url, { username: 'u', password: 'p' }, tls);
  const login = '{{username}}:{{password}}';

  it('has defaults and two forms', () => {
    expect(parse(`${login}@tcp(db.example.com)/app`)).toMatchObject({
      host: 'db.example.com',
      port: 3_306,
      database: 'app',
    });
    expect(parse(`${login}@tcp([::1]:5)/`)).toMatchObject({ host: '::1', port: 5, database: '' });
    expect(parse(`${login}@unix(/run/mysqld.sock)/`)).toMatchObject({ socket: '/run/mysqld.sock' });
    expect(parse(`mysql://${login}@db.example.com:5/app?tls=true`)).toMatchObject({
      host: 'db.example.com',
      port: 5,
    });
  });

  it('is checked by certificate unless it is of this machine or says otherwise', () => {
    expect(parse(`${login}@tcp(db.example.com:3306)/`).tls.mode).toBe('verify-full');
    expect(parse(`${login}@tcp(127.0.0.1:3306)/`).tls.mode).toBe('off');
    expect(parse(`${login}@tcp(db.example.com:3306)/?tls=false`).tls.mode).toBe('off');
    expect(parse(`${login}@tcp(db.example.com:3306)/?tls=skip-verify&parseTime=true`).tls.mode).toBe(
      'encrypt',
    );
  });

  it.each(['tls=preferred', 'allowAllFiles=true', 'allowCleartextPasswords=true', 'x=y'])(
    'does not take %s',
    (query) => {
      expect(() => parse(`${login}@tcp(db.example.com)/?${query}`)).toThrow(
        expect.objectContaining({ code: 'invalid_request' }),
      );
    },
  );

  it.each([`${login}@tcp(192.0.2.1:3306)/app`, `${login}@tcp([2001:db8::1]:3306)/app?tls=true`])(
    'threat 24: by number has no name that a certificate could be held against: %s',
    (url) => {
      expect(() => parse(url)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
      expect(parse(`${url.split('?')[0]}?tls=skip-verify`).tls.mode).toBe('encrypt');
      expect(parse(`${login}@tcp(127.0.0.1:3306)/app`, { authority: 'pem' }).tls.mode).toBe('verify-full');
    },
  );
});
