/** Something that the agent keeps up to date. */
import type { JsonObject } from '../json.ts';
import type { ChangeNote } from './change-note.ts';
import type { ChangeSettings } from './settings.ts';

export interface Output {
  readonly kind: 'application' | 'template' | 'environment';
  /** As messages call it: an id, a path. */
  readonly name: string;
  readonly onChange: ChangeSettings | undefined;
  /** There from before a change until it is removed; undefined where nobody needs it. */
  readonly note: ChangeNote | undefined;
  /**
   * One look. Says whether anything is other than it was before; throws where it cannot be told or written, and then everything is as it was.
   */
  refresh(): Promise<boolean>;
  /** What may be shown of it: no secret. */
  describe(): JsonObject;
}
