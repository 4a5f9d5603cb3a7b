// The bare server that writes are compared with: one flushed LMDB put and one flushed log line a request.
// `shared`: log lines that come together share an fdatasync, as a careful program would have it.
import { fdatasync, openSync, write } from 'node:fs';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import { open } from 'lmdb';

const [, , directory, mode] = process.argv;
const db = open({ path: `${directory}/baseline`, overlappingSync: false, encoding: 'binary' });
const log = openSync(`${directory}/baseline.log`, 'a', 0o600);
const sync = promisify(fdatasync);
const append = promisify(write);
let next;
let running = Promise.resolve();

function sharedSync() {
  if (next === undefined) {
    next = running.then(() => {
      next = undefined;
      running = sync(log);
      return running;
    });
  }
  return next;
}

async function flushedLine(line) {
  await append(log, line);
  await (mode === 'shared' ? sharedSync() : sync(log));
}

let count = 0;
const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    const body = Buffer.concat(chunks);
    count++;
    const line = `{"time":"${new Date().toISOString()}","path":"${request.url}","request":${count}}\n`;
    await Promise.all([db.put(`key${count % 10_000}`, body), flushedLine(line)]);
    response.end('{}');
  });
});
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
