/** `coffer server --workers`: one store, one address, several processes, and the guarantees of one. */

import { connect } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../setup/free-port.ts';
import { rootTokenOf } from './kill-rounds.ts';
import { cleanUp, cli, freshPlace, type Place, type ServerProcess, startServer } from './server-process.ts';
import { at, openWire, textAt, type Wire } from './wire.ts';
import {
  childrenOf,
  oneOfEach,
  said,
  startWorkers,
  type WorkerWire,
  wiresToAll,
} from './worker-processes.ts';

afterAll(cleanUp);

let open: Wire[] = [];
afterEach(() => {
  for (const wire of open) wire.close();
  open = [];
});

async function serve(workers: number, words: readonly string[] = []) {
  const place = freshPlace();
  const server = await startWorkers(place, workers, ['--init', ...words]);
  const token = rootTokenOf(place);
  return { place, server, token, all: await reach(server, token) };
}

async function reach(server: ServerProcess, token: string, each = 1): Promise<readonly WorkerWire[]> {
  const wires = await wiresToAll(server, token, each);
  open.push(...wires);
  return wires;
}

async function verified(place: Place) {
  expect(await cli(place, ['audit', 'verify'])).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^intact/m),
  });
}

/** The nth of a list that goes round. */
function turn<T>(all: readonly T[], index: number): T {
  const found = all[index % all.length];
  if (found === undefined) throw new Error('an empty list');
  return found;
}

describe('a server with workers', () => {
  it('says once that it serves, makes one store, answers by every worker, and stops in order', async () => {
    const { place, server, token } = await serve(3);
    expect(server.stdout.match(/A new store has been made/g)).toHaveLength(1);
    expect(server.stdout.match(/^Serving on /gm)).toHaveLength(1);
    expect(server.stdout).toContain('3 workers serve');
    const wires = oneOfEach(await reach(server, token));
    expect(wires.map(({ pid }) => pid).toSorted()).toEqual(childrenOf(server.pid).toSorted());
    for (const [index, wire] of wires.entries()) {
      const written = await wire.ask('POST', 'secret/data/turn', { body: { data: { index } } });
      expect(written.status).toBe(200);
      for (const other of wires) {
        const read = await other.ask('GET', 'secret/data/turn');
        expect(at(read.json, 'data', 'data', 'index')).toBe(index);
      }
      expect((await wire.ask('LIST', 'secret/metadata')).json).toMatchObject({ data: { keys: ['turn'] } });
    }
    expect(await server.stop()).toMatchObject({ code: 0 });
    await verified(place);
  });

  it('--dev and workers that cannot start are refused as by a server without', async () => {
    const place = freshPlace();
    await expect(startWorkers(place, 2, ['--dev'])).rejects.toThrow(/one process/);
    const inMemory = startWorkers(place, 2, ['--storage', 'memory:', '--init']);
    await expect(inMemory).rejects.toThrow(/one process/);
    await expect(startWorkers(place, 2)).rejects.toThrow(/ended with 10 .*error: there is no store in/s);
    const { server } = await serve(2);
    const { host, port } = new URL(server.address);
    const inUse = startServer(freshPlace(), {
      words: ['--workers', '2', '--init'],
      listen: ['--listen', host],
    });
    await expect(inUse).rejects.toThrow(`cannot listen on 127.0.0.1 port ${port}: it is in use`);
    await server.stop();
  });

  it('a worker that is killed in traffic is replaced, and what was acknowledged is there', async () => {
    const { place, server, token, all } = await serve(2);
    const acknowledged: number[] = [];
    let ended = false;
    const writers = all.slice(0, 8).map(async (first, lane) => {
      let wire: Wire = first;
      for (let count = 0; !ended; count++) {
        const id = count * 8 + lane;
        const written = await wire
          .ask('POST', `secret/data/n${id}`, { body: { data: { id } } })
          .catch(() => undefined);
        if (written?.status === 200) acknowledged.push(id);
        else {
          wire = openWire(server.address, token);
          open.push(wire);
        }
      }
    });
    for (let round = 1; round <= 2; round++) {
      const before = acknowledged.length;
      while (acknowledged.length < before + 20) await all[0]?.ask('GET', 'sys/health').catch(() => undefined);
      process.kill(turn(childrenOf(server.pid), round), 'SIGKILL');
      await said(server, 'has taken the place of another', round);
    }
    ended = true;
    await Promise.all(writers);
    expect(childrenOf(server.pid)).toHaveLength(2);
    const [reader] = await reach(server, token);
    for (const id of acknowledged) {
      const read = await reader?.ask('GET', `secret/data/n${id}`);
      expect(at(read?.json, 'data', 'data', 'id')).toBe(id);
    }
    expect(await server.stop()).toMatchObject({ code: 0 });
    await verified(place);
  });

  it('a worker that is stopped inside a write is ended, and the others write on', async () => {
    const { place, server, token } = await serve(2);
    const wires = await reach(server, token, 4);
    const [stopped, going] = oneOfEach(wires) as [WorkerWire, WorkerWire];
    let ended = false;
    let count = 0;
    const load = wires
      .filter(({ pid }) => pid === stopped.pid)
      .map(async ({ ask }) => {
        while (!ended) {
          const done = await ask('POST', `secret/data/load${count++}`, { body: { data: { a: 1 } } }).catch(
            () => undefined,
          );
          if (done === undefined) return;
        }
      });
    const killed = said(server, 'a worker does not run any more').then(() => 'killed' as const);
    // Whether it was stopped inside a write shows by whether another one can write.
    for (let tries = 1; ; tries++) {
      process.kill(stopped.pid, 'SIGSTOP');
      const body = { data: { tries } };
      const written = going.ask('POST', 'secret/data/other', { body });
      if ((await Promise.race([killed, written.then(() => 'written')])) === 'killed') {
        expect((await written).status).toBe(200);
        break;
      }
      expect(tries).toBeLessThan(5_000);
      process.kill(stopped.pid, 'SIGCONT');
      await going.ask('POST', 'secret/data/other', { body });
    }
    ended = true;
    await Promise.all(load);
    await said(server, 'has taken the place of another');
    for (const wire of oneOfEach(await reach(server, token)))
      expect((await wire.ask('POST', 'secret/data/after', { body: { data: { a: 1 } } })).status).toBe(200);
    expect(await server.stop()).toMatchObject({ code: 0 });
    await verified(place);
  });

  it('says by each worker that it is unsealed, also while its parent is stopped', async () => {
    const { server, all } = await serve(2);
    const wires = oneOfEach(all);
    server.signal('SIGSTOP');
    try {
      for (const wire of wires) {
        const { status, json } = await wire.ask('GET', 'sys/seal-status');
        expect([status, at(json, 'sealed')]).toEqual([200, false]);
      }
    } finally {
      server.signal('SIGCONT');
    }
    expect(await server.stop()).toMatchObject({ code: 0 });
  });

  it('goes on when all of its workers are killed at once', async () => {
    const place = freshPlace();
    // A port of the system's choice would be another one: nobody holds the socket when all have ended.
    const listen = ['--listen', `127.0.0.1:${await freePort()}`];
    const server = await startServer(place, { words: ['--workers', '2', '--init'], listen });
    const token = rootTokenOf(place);
    await turn(await reach(server, token), 0).ask('PUT', 'secret/data/kept', {
      body: { data: { there: true } },
    });
    for (const pid of childrenOf(server.pid)) process.kill(pid, 'SIGKILL');
    await said(server, 'has taken the place of another', 2);
    const [one] = await reach(server, token);
    expect(at((await one?.ask('GET', 'secret/data/kept'))?.json, 'data', 'data', 'there')).toBe(true);
    expect(await server.stop()).toMatchObject({ code: 0 });
    await verified(place);
  });

  it('gives up with a message where a worker ends again and again', async () => {
    const { server } = await serve(2);
    // Numbers of processes begin anew at some time: the newest is not always the highest.
    const other = turn(childrenOf(server.pid), 0);
    const killNewest = () => {
      for (const pid of childrenOf(server.pid)) if (pid !== other) process.kill(pid, 'SIGKILL');
    };
    for (let times = 1; times <= 5; times++) {
      killNewest();
      await said(server, 'has taken the place of another', times);
    }
    killNewest();
    const { code, stderr } = await server.ended;
    expect(code).not.toBe(0);
    expect(stderr).toContain('ends again and again');
  });

  it('lets requests end when it is asked to stop, and ends at once when it is asked again', async () => {
    const { server } = await serve(2);
    const workers = childrenOf(server.pid);
    const { hostname, port } = new URL(server.address);
    const socket = connect(Number(port), hostname, () =>
      socket.write('POST /v1/sys/unseal HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{'),
    );
    const cut = new Promise((resolve) => {
      socket.once('close', resolve);
      socket.once('error', () => undefined);
    });
    // The request has begun at whichever worker took it.
    for (const wire of oneOfEach(open as WorkerWire[])) await wire.ask('GET', 'sys/health');
    server.signal('SIGTERM');
    await said(server, '"msg":"stopping"');
    server.signal('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 143 });
    await cut;
    for (const pid of workers) await gone(pid);
  });

  it('workers whose parent is killed do not live on', async () => {
    const { place, server } = await serve(2);
    const workers = childrenOf(server.pid);
    await server.kill();
    for (const pid of workers) await gone(pid);
    await verified(place);
  });
});

/** Resolves when no process has the id: its end is its parent's to see, and that has ended. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('limits of a server with workers', () => {
  it('threat 15: connections of one address are as many as the limit says, whoever they meet', async () => {
    const place = freshPlace();
    const server = await startWorkers(place, 3, ['--init', '--limits-connections-per-address', '9']);
    const { hostname, port } = new URL(server.address);
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, () => {
        const socket = connect(Number(port), hostname, () =>
          socket.write('GET /v1/sys/health HTTP/1.1\r\nhost: a\r\n\r\n'),
        );
        return new Promise<string>((resolve) => {
          socket.once('data', () => resolve('answered'));
          socket.once('error', () => resolve('refused'));
          socket.once('close', () => resolve('refused'));
        }).then((outcome) => ({ outcome, socket }));
      }),
    );
    expect(outcomes.filter(({ outcome }) => outcome === 'answered')).toHaveLength(9);
    for (const { socket } of outcomes) socket.destroy();
    expect(await server.stop()).toMatchObject({ code: 0 });
  });

  it('threat 15: a quota counts a client over all workers', async () => {
    const { server, token, all } = await serve(3);
    const quota = { rate: 7, interval: '1h', path: 'secret/' };
    await all[0]?.ask('POST', 'sys/quotas/rate-limit/few', { body: quota });
    // Every worker has read it.
    for (const wire of oneOfEach(all)) await wire.ask('GET', 'sys/quotas/rate-limit/few');
    const wires = await reach(server, token, 4);
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => turn(wires, index).ask('GET', 'secret/data/none')),
    );
    expect(answers.filter(({ status }) => status === 404)).toHaveLength(7);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(53);
    expect(await server.stop()).toMatchObject({ code: 0 });
  });

  it('threat 08: a name locks after as many failures as the threshold says, whether it exists or not', async () => {
    const { server, all } = await serve(3);
    const wires = oneOfEach(all);
    await wires[0]?.ask('POST', 'sys/auth/userpass', { body: { type: 'userpass' } });
    await wires[0]?.ask('POST', 'auth/userpass/users/somebody', { body: { password: 'correct horse' } });
    const guesses = async (name: string) => {
      const statuses: number[] = [];
      for (let index = 0; index < 9; index++) {
        const body = { password: 'wrong' };
        statuses.push((await turn(wires, index).ask('POST', `auth/userpass/login/${name}`, { body })).status);
      }
      return statuses;
    };
    const expected = [400, 400, 400, 400, 400, 403, 403, 403, 403];
    expect(await guesses('somebody')).toEqual(expected);
    expect(await guesses('nobody')).toEqual(expected);
    expect(await server.stop()).toMatchObject({ code: 0 });
  });

  it('threat 18: a token that one worker revokes is refused by all, and a counted one is used as often as it may be', async () => {
    const { server, all } = await serve(3);
    const wires = oneOfEach(all);
    const [first] = wires;
    for (let round = 0; round < 10; round++) {
      const made = await turn(wires, round).ask('POST', 'auth/token/create', {
        body: { policies: ['root'] },
      });
      const token = textAt(made.json, 'auth', 'client_token');
      for (const wire of wires) expect((await wire.ask('GET', 'sys/mounts', { token })).status).toBe(200);
      await turn(wires, round + 1).ask('POST', 'auth/token/revoke', { body: { token } });
      for (const wire of wires) expect((await wire.ask('GET', 'sys/mounts', { token })).status).toBe(403);
    }
    const body = { policies: ['root'], num_uses: 10 };
    const counted = textAt(
      (await first?.ask('POST', 'auth/token/create', { body }))?.json,
      'auth',
      'client_token',
    );
    const uses = await Promise.all(
      Array.from({ length: 45 }, (_, index) =>
        turn(wires, index).ask('GET', 'sys/mounts', { token: counted }),
      ),
    );
    expect(uses.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(await server.stop()).toMatchObject({ code: 0 });
  });
});
