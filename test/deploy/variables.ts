/** The variables of the environment that the server reads as settings. */
import { listenerTable, type Setting, table, variableOf } from '../../src/config/table.ts';

export const settingVariables: ReadonlySet<string> = new Set(
  [...Object.entries(table), ...Object.entries(listenerTable)].map(([name, setting]) =>
    variableOf(name, setting as Setting<unknown>),
  ),
);
