import { describe, expect, it } from 'vitest';
import { HandClock } from '../../../test/fakes/hand-clock.ts';
import { CofferError } from '../../errors.ts';
import type { Session } from './plugin.ts';
import { SessionPool } from './session-pool.ts';

/** A session that does nothing but being open. */
class QuietSession implements Session {
  usable = true;
  closed = false;
  userExists = async () => false;
  createUser = async () => undefined;
  renewUser = async () => undefined;
  setPassword = async () => undefined;
  setOwnPassword = async () => undefined;
  dropUser = async () => undefined;
  close(): void {
    this.closed = true;
  }
}

function poolOf(
  given: { readonly mostOpen?: number; readonly mostIdle?: number; readonly lifetime?: number } = {},
) {
  const clock = new HandClock();
  const pool = new SessionPool({ mostOpen: 2, mostIdle: 2, lifetime: 0, clock, ...given });
  const sessions: QuietSession[] = [];
  const open = async () => {
    const session = new QuietSession();
    sessions.push(session);
    return session;
  };
  return { clock, pool, sessions, open };
}

/** Something to wait for, settled by hand. */
function gate() {
  let pass = () => {};
  const passed = new Promise<void>((resolve) => (pass = resolve));
  return { pass, passed };
}

describe('a pool of sessions', () => {
  it('opens no more than it may, and serves who waits in order', async () => {
    const { pool, sessions, open } = poolOf();
    const held = gate();
    const order: number[] = [];
    let inUse = 0;
    let most = 0;
    const uses = Array.from({ length: 9 }, (_none, index) =>
      pool.use(open, async () => {
        most = Math.max(most, ++inUse);
        await held.passed;
        order.push(index);
        inUse -= 1;
      }),
    );
    held.pass();
    await Promise.all(uses);
    expect([most, sessions.length, order]).toEqual([2, 2, [0, 1, 2, 3, 4, 5, 6, 7, 8]]);
  });

  it('closes what is broken, old, too many or not needed for a minute', async () => {
    const { pool, sessions, open, clock } = poolOf({ mostIdle: 1, lifetime: 100_000 });
    await pool.use(open, async (session) => {
      (session as QuietSession).usable = false;
    });
    expect(sessions[0]?.closed).toBe(true);
    await Promise.all([pool.use(open, async () => undefined), pool.use(open, async () => undefined)]);
    expect(sessions.slice(1).filter(({ closed }) => closed)).toHaveLength(1);
    clock.jump(100);
    await pool.use(open, async () => undefined);
    expect(sessions.every(({ closed }) => closed)).toBe(true);
    await pool.use(open, async () => undefined);
    clock.advance(60);
    expect(sessions.every(({ closed }) => closed)).toBe(true);
  });

  it('tells all who wait of a server that is away, and is good again afterwards', async () => {
    const { pool, open } = poolOf({ mostOpen: 1 });
    const away = async (): Promise<Session> => {
      throw new CofferError('unavailable', 'away');
    };
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => pool.use(away, async () => 'used')));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(await pool.use(open, async () => 'used')).toBe('used');
  });

  it('lets nobody wait for ever, nor very many', async () => {
    const { pool, open, clock } = poolOf({ mostOpen: 1 });
    const held = gate();
    const first = pool.use(open, () => held.passed);
    const aborted = new AbortController();
    const gone = pool.use(open, async () => undefined, aborted.signal);
    const late = pool.use(open, async () => undefined);
    const waiting = Array.from({ length: 254 }, () => pool.use(open, async () => undefined));
    await expect(pool.use(open, async () => undefined)).rejects.toMatchObject({ code: 'unavailable' });
    aborted.abort();
    await expect(gone).rejects.toMatchObject({ code: 'unavailable' });
    clock.advance(10);
    await expect(late).rejects.toMatchObject({ code: 'unavailable' });
    await Promise.allSettled(waiting);
    held.pass();
    await first;
    await pool.use(open, async () => undefined);
  });

  it('that is closed closes what comes back, and still serves', async () => {
    const { pool, sessions, open } = poolOf();
    const held = gate();
    const used = pool.use(open, () => held.passed);
    await pool.use(open, async () => undefined);
    pool.close();
    held.pass();
    await used;
    await pool.use(open, async () => undefined);
    expect(sessions.every(({ closed }) => closed)).toBe(true);
  });
});
