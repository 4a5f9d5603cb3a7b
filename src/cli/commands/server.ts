export { command } from '../../main/server-command.ts';
