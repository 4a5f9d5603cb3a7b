import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { databasePlace } from '../../../test/setup/database-place.ts';
import { withOccupants } from '../occupants.ts';
import type { Storage } from '../storage.ts';
import { openPostgresStorage } from './postgres.ts';

const place = await databasePlace('postgresql');

afterAll(() => place?.close());

describe.skipIf(place === undefined)('who has a store in PostgreSQL open', () => {
  if (place === undefined) return;
  const { server, name, password } = place;
  const newSchema = async (): Promise<string> => {
    const schema = `s_${randomBytes(6).toString('hex')}`;
    await place.sql(`CREATE SCHEMA ${schema} AUTHORIZATION ${name}`);
    return schema;
  };
  const open = (schema: string) => {
    const url = `postgres://${name}:${password}@${server.host}:${server.port}/${name}?schema=${schema}`;
    return openPostgresStorage({ url, create: true });
  };
  const occupants = (storage: Storage) => withOccupants(storage)?.occupants();

  it('is everybody else, while they have it open, and nobody of another store', async () => {
    const [one, other] = [await newSchema(), await newSchema()];
    const [first, stranger] = [await open(one), await open(other)];
    expect(await occupants(first)).toEqual([]);
    const second = await open(one);
    expect(await occupants(first)).toEqual([expect.stringMatching(/^a process on 127\.0\.0\.1/)]);
    expect((await occupants(second))?.length).toBe(1);
    expect(await occupants(stranger)).toEqual([]);
    await second.close();
    expect(await occupants(first)).toEqual([]);
    await first.close();
    await expect(occupants(first)).rejects.toMatchObject({ code: 'unavailable' });
    await stranger.close();
  });
});
