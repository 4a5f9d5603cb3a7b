/** An application's credentials on this host. */
import type { JsonObject } from '../json.ts';
import { type ChangeNote, isNoted } from './change-note.ts';
import type { CredentialDirectory } from './credential-directory.ts';
import type { DocumentName, Documents } from './document.ts';
import type { Output } from './output.ts';
import type { ApplicationSettings } from './settings.ts';
import type { Source } from './source.ts';

export class ApplicationOutput implements Output {
  readonly kind = 'application';
  readonly name: string;
  readonly onChange: ApplicationSettings['onChange'];
  readonly note: ChangeNote | undefined;
  readonly #source: Source;
  readonly #directory: CredentialDirectory;
  readonly #versionOf: ((text: string) => string) | undefined;
  #held: Documents = {};

  /** @param versionOf `documentVersion`, where anybody asks for versions */
  constructor(
    settings: ApplicationSettings,
    source: Source,
    directory: CredentialDirectory,
    versionOf?: (text: string) => string,
  ) {
    this.name = settings.id;
    this.onChange = settings.onChange;
    this.note = isNoted(settings.onChange)
      ? { isThere: () => directory.isUntold(), remove: () => directory.told() }
      : undefined;
    this.#source = source;
    this.#directory = directory;
    this.#versionOf = versionOf;
  }

  async refresh(): Promise<boolean> {
    const documents = await this.#source.read().catch((error: unknown) => {
      // What readers have is shown, also by an agent that began while the source was away.
      if (Object.keys(this.#held).length === 0) this.#held = this.#there();
      throw error;
    });
    const isChanged = this.#directory.put(documents) === 'switched';
    this.#held = documents;
    return isChanged;
  }

  #there(): Documents {
    try {
      return this.#directory.current();
    } catch {
      return {};
    }
  }

  /** Text as readers have it; undefined before the first look that went well. */
  document(name: DocumentName): string | undefined {
    return this.#held[name];
  }

  /** What the application can hold now, as its readers are known by; undefined where there is none. */
  versions(): { readonly user: string | undefined; readonly client: string | undefined } {
    const { user, client } = this.#held;
    return {
      user: user === undefined ? undefined : this.#versionOf?.(user),
      client: client === undefined ? undefined : this.#versionOf?.(client),
    };
  }

  describe(): JsonObject {
    const { user, client } = this.versions();
    return { user_version: user ?? null, client_version: client ?? null };
  }
}
