import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { DirectoryPlace } from './directory-place.ts';

it.each([fileURLToPath(import.meta.url), '/nowhere/at/all'])(
  'says of %s that it is no directory',
  async (path) => {
    await expect(new DirectoryPlace(path).list()).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining(path),
    });
  },
);
