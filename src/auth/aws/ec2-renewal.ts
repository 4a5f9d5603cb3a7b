/** What a renewal asks anew of an instance: a token is good for no more than its login would be now. */
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { readRole } from '../role-records.ts';
import { checkInstance, provenName } from './instance-binds.ts';
import type { AwsRole } from './role.ts';
import { tagGrant } from './role-tag.ts';
import type { AwsRooms } from './rooms.ts';

/**
 * Whether the instance of the login runs, is as the role says, has the tag that it wants, and is who it was. Throws `permission_denied`, and `AwsError` where AWS
 * cannot be asked.
 */
export async function checkStillRunning(rooms: AwsRooms, view: View, internal: JsonObject): Promise<void> {
  if (internal['auth_type'] !== 'ec2') return;
  const { instance_id: id, account_id: account, region, proven_as: before } = internal;
  const questions = rooms.questionsFor(view);
  const found = await questions.instance(String(account), String(region), String(id));
  if (found?.state !== 'running') throw refused('the instance of this token does not run any more');
  const read = await readRole<AwsRole>(view, String(internal['role']));
  // That there is no such role any more is told by whoever grants its times.
  if (read === undefined || read.role.id !== internal['id']) return;
  const instance = { ...found, region: String(region) };
  await checkInstance(read.role, instance, questions);
  await tagGrant(rooms, view, read.role, instance);
  // Tokens of an earlier version do not say.
  if (before === undefined || before === (await provenName(instance, questions))) return;
  throw refused('the instance of this token has another role by now');
}

function refused(reason: string): CofferError {
  return new CofferError('permission_denied', reason);
}
