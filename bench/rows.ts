/** The records of a store on disk as COPY's text format of PostgreSQL has them (its documentation, "COPY"), on standard output. */
import { once } from 'node:events';
import { storeDirectoryOf } from '../src/main/node.ts';
import { openLmdbStorage } from '../src/storage/lmdb/lmdb.ts';

const storage = await openLmdbStorage({
  path: storeDirectoryOf(process.argv[2] ?? ''),
  create: false,
  readOnly: true,
});
const hex = (bytes: Buffer) => `\\\\x${bytes.toString('hex')}`;
let after: string | undefined;
do {
  const page = await storage.range('', { limit: 1_000, ...(after === undefined ? {} : { after }) });
  const rows = page.items.map(
    ({ key, revision, value }) => `${hex(Buffer.from(key))}\t${revision}\t${hex(value)}\n`,
  );
  if (!process.stdout.write(rows.join(''))) await once(process.stdout, 'drain');
  after = page.next;
} while (after !== undefined);
await storage.close();
