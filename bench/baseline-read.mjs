// The bare server that reads are compared with: a constant answer and nothing more.
import { createServer } from 'node:http';

const bytes = Buffer.from(process.argv[2] ?? '{}');
const server = createServer((_request, response) => response.end(bytes));
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
