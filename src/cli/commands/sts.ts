import type { CommandGroup } from '../command.ts';
import { console } from '../sts/console.ts';
import { enroll, invite } from '../sts/enroll.ts';
import { exec } from '../sts/exec.ts';
import { get } from '../sts/get.ts';
import { list, remove, update } from '../sts/manage.ts';
import { setup } from '../sts/setup.ts';

export const command: CommandGroup = {
  summary: 'Trade one-time codes for credentials of AWS',
  commands: { get, exec, console, enroll, invite, list, update, delete: remove, setup },
};
