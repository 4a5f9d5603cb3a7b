/** The transit and totp engines as hvac knows them, as it is published. */
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { cleanUp, freshPlace, runProgram, startServer } from '../e2e/server-process.ts';
import { openWire } from '../e2e/wire.ts';
import { need } from '../setup/need.ts';

afterAll(cleanUp);

it('hvac walks the transit engine', async (context) => {
  const python = need(context, 'hvac');
  const place = freshPlace();
  const server = await startServer(place, { words: ['--init-by-api'] });
  const wire = openWire(server.address);
  const init = await wire.ask('POST', 'sys/init', { body: { secret_shares: 1, secret_threshold: 1 } });
  const made = init.json as { readonly keys: readonly string[]; readonly root_token: string };
  await wire.ask('POST', 'sys/unseal', { body: { key: made.keys[0] ?? '' } });
  wire.close();
  const script = fileURLToPath(new URL('./hvac-transit.py', import.meta.url));
  const env = { ...place.env, HVAC_TOKEN: made.root_token };
  expect(await runProgram(python, [script, server.address], env)).toEqual({
    code: 0,
    stdout: 'keys\nencrypt\ntools\nsign\nbackup\ntotp\n',
    stderr: '',
  });
});
