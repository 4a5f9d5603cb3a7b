import { importApplications } from '../apps/import.ts';
import { provider } from '../apps/provider.ts';
import { deactivate, list, readers, register, remove, set, show } from '../apps/registration.ts';
import { history, pauseRotation, resume, rotate } from '../apps/rotation.ts';
import { confirmShrink, status } from '../apps/status.ts';
import type { CommandGroup } from '../command.ts';

export const command: CommandGroup = {
  summary: 'Applications: their service users, rotated and delivered',
  commands: {
    register,
    show,
    list,
    set,
    deactivate,
    delete: remove,
    rotate,
    status,
    history,
    readers,
    pause: pauseRotation,
    resume,
    'confirm-shrink': confirmShrink,
    provider,
    import: importApplications,
  },
};
