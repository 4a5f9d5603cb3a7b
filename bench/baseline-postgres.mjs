// The bare servers that a store in PostgreSQL is compared with: one prepared SELECT a request, or one INSERT that is committed.
import { createServer } from 'node:http';
import pg from 'pg';

const [login, table, kind] = process.argv.slice(2);
const pool = new pg.Pool({ ...JSON.parse(login), max: 10 });
const read = { name: 'read', text: `SELECT value FROM ${table} WHERE key = $1`, values: ['one'] };
const write = { name: 'write', text: `INSERT INTO ${table} (key, value) VALUES ($1, $2)` };
let made = 0;

const answers = {
  async read(response) {
    const { rows } = await pool.query(read);
    response.end(rows[0].value);
  },
  async write(response, body) {
    await pool.query({ ...write, values: [`${process.pid}-${made++}`, body] });
    response.end('{}');
  },
};

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => void answers[kind](response, Buffer.concat(chunks)));
});
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
