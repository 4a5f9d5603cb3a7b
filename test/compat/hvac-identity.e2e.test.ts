import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, freshPlace, runProgram, startServer } from '../e2e/server-process.ts';
import { need } from '../setup/need.ts';

afterAll(cleanUp);

it('hvac uses all that it knows of identity', async (context) => {
  const python = need(context, 'hvac');
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init'] });
  const [file = ''] = readdirSync(place.config).filter((name) => name.endsWith('.root-token'));
  const rootToken = readFileSync(join(place.config, file), 'utf8');
  const script = fileURLToPath(new URL('./hvac-identity.py', import.meta.url));
  expect(await runProgram(python, [script, server.address], place.env, rootToken)).toEqual({
    code: 0,
    stdout: 'entities\naliases\nmerge\ngroups\ntokens\nends\n',
    stderr: '',
  });
});
