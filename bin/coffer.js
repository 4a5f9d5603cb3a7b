#!/usr/bin/env node
// The installed command. The program itself is the bundle that `npm run build` makes.
import { existsSync } from 'node:fs';

const bundle = new URL('../dist/coffer.js', import.meta.url);
if (existsSync(bundle)) {
  await import(bundle.href);
} else {
  process.stderr.write('coffer: not built yet; run `npm run build` in the checkout first\n');
  process.exitCode = 1;
}
