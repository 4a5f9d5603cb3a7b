import { hostname } from 'node:os';
import { expect, it } from 'vitest';
import { AdvertisedAddress } from './advertised-address.ts';

it.each([
  [undefined, undefined, ''],
  [undefined, 'http://127.0.0.1:8200', 'http://127.0.0.1:8200'],
  [undefined, 'http://0.0.0.0:8200', `http://${hostname()}:8200`],
  [undefined, 'https://[::]:8200', `https://${hostname()}:8200`],
  [undefined, 'https://[::1]:8200', 'https://[::1]:8200'],
  ['https://vault.example', 'http://0.0.0.0:8200', 'https://vault.example'],
])('configured %s, listening on %s, a node is at %s', (configured, listener, url) => {
  const address = new AdvertisedAddress();
  expect(address.get()).toBe('');
  address.set(configured, listener);
  expect(address.get()).toBe(url);
});
