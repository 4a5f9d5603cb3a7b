/** Runs tables of the wire contract against one server. */
import { expect, it } from 'vitest';
import { ask, type ContractServer, nameOf, type Row } from './contract-server.ts';

/** Every 200 of an endpoint with an envelope has at least these names, whatever it answers. */
export const envelopeNames = [
  'auth',
  'data',
  'lease_duration',
  'lease_id',
  'mount_type',
  'renewable',
  'request_id',
  'warnings',
  'wrap_info',
];

/** One test a row, in order. */
export function contract(server: () => ContractServer, rows: readonly Row[]): void {
  for (const row of rows) {
    it(nameOf(row), async () => {
      const answer = await ask(server().wire, row);
      expect({ status: answer.status, body: answer.text }).toMatchObject({ status: row.status });
      if (row.answer === '' || row.status === 204) {
        expect(answer.text).toBe('');
        expect(answer.headers['content-type']).toBeUndefined();
        return;
      }
      expect(answer.headers['content-type']).toBe('application/json');
      expect(answer.headers['cache-control']).toBe('no-store');
      if (row.answer !== undefined) expect(answer.json).toMatchObject(row.answer);
    });
  }
}
