/** That a commit of a credential is about to be asked for: one small record a user and kind, in the mount's own storage. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import type { Credential, CredentialKind } from '../provider.ts';

interface Note {
  readonly generation: number;
  readonly id: string;
  readonly reference: string;
}

const kinds: readonly CredentialKind[] = ['password', 'client'];

export class CommitNotes {
  /** Whether the commit of this very credential was begun before. */
  async begin(view: View, username: string, staged: Credential): Promise<boolean> {
    const path = notePath(username, staged.kind);
    const found = await view.read(path);
    const { generation, id, reference } = staged;
    const before = found === undefined ? undefined : decodeStored<Note>(found.open());
    if (before?.generation === generation && before.id === id && before.reference === reference) return true;
    await view.commit([{ path, value: encodeStored({ generation, id, reference }) }]);
    return false;
  }

  async forget(view: View, username: string): Promise<void> {
    const paths = kinds.map((kind) => notePath(username, kind));
    const found = await view.readMany(paths);
    const there = paths.filter((_, at) => found[at] !== undefined);
    if (there.length > 0) await view.commit(there.map((path) => ({ path, value: null })));
  }
}

function notePath(username: string, kind: CredentialKind): string {
  return `service-user-api/commit/${encodeURIComponent(username)}/${kind}`;
}
