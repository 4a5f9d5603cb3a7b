import { expect, it } from 'vitest';
import { describeOccupant, shownOccupant } from './occupants.ts';

it('shows a process as it describes itself', () => {
  const described = describeOccupant(4711, 'db-1.example.com');
  expect(shownOccupant(described)).toBe('process 4711 on db-1.example.com');
});

it.each([
  '',
  'process 1',
  'process 1 on a\u001b[2J',
  'process 1 on a\nerror: done',
  `process 1 on ${'a'.repeat(300)}`,
])('shows nothing of what somebody else put there: %j', (text) => {
  expect(shownOccupant(text)).toBe('a process');
});
