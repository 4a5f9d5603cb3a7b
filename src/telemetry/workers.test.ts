import { expect, it } from 'vitest';
import type { Family } from './catalogue.ts';
import { prometheusText } from './exposition.ts';
import { familiesOfWorkers } from './workers.ts';

function counted(requests: number): readonly Family[] {
  return [
    { name: 'coffer_http_connections', type: 'gauge', values: [{ labels: {}, value: requests }] },
    {
      name: 'coffer_request_seconds',
      type: 'histogram',
      distributions: [{ labels: { endpoint: 'a' }, counts: [requests], sum: 1 }],
    },
    { name: 'coffer_mounts', type: 'gauge', values: [{ labels: {}, value: 4 }] },
  ];
}

it('has every series of a worker under its number, each metric once, and the store told once', () => {
  const all = familiesOfWorkers({ worker: 2, families: counted(5) }, [{ worker: 1, families: counted(3) }]);
  const text = prometheusText(all);
  expect(text.match(/^# TYPE coffer_http_connections/gm)).toHaveLength(1);
  expect(text).toContain('coffer_http_connections{worker="1"} 3\ncoffer_http_connections{worker="2"} 5\n');
  expect(text).toContain('coffer_request_seconds_count{endpoint="a",worker="2"} 5');
  expect(text.match(/^coffer_mounts.*$/gm)).toEqual(['coffer_mounts 4']);
});
