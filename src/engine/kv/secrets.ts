/** Secrets of a kv v2 mount in its view: pointers by path, versions by the secret's own id, large values in parts. */
import type { Call } from '../../core/endpoint.ts';
import type { RawJson } from '../../core/request.ts';
import { TwoGenerationCache } from '../../core/two-generation-cache.ts';
import type { DueEntry, View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { Doorkeeper } from '../../doorkeeper.ts';
import type { Revision } from '../../storage/storage.ts';
import { readLarge, removeLarge, takeOverError } from './large-value.ts';
import { type SecretRecord, shownVersionText } from './metadata.ts';
import { decodeSecret, type EncodeSecret, heldText, heldVersion, holdsText } from './pointer.ts';
import { decodeSettings, type MountSettings, settingsPath } from './settings.ts';
import type { VersionRecord } from './version-rows.ts';

const cachedSecrets = 16_384;

export interface ReadSecret {
  readonly secret: SecretRecord;
  readonly revision: Revision;
}

export interface ReadVersion extends VersionFacts {
  /** Of the pointer. */
  readonly revision: Revision;
  /** JSON. Undefined when the version does not exist or is destroyed. */
  readonly text: string | undefined;
}

interface VersionFacts {
  readonly number: number;
  /** Undefined when it does not exist; `metadata`, as answers show it, is too. */
  readonly version: VersionRecord | undefined;
  readonly metadata: RawJson | undefined;
}

interface Known extends ReadSecret {
  /** Whether the pointer holds the text of the current version too. */
  readonly holdsText: boolean;
  /** Of the version that was last read: reads of it differ in nothing else. */
  facts: VersionFacts | undefined;
}

/** A pointer as read, with the text that it holds. */
interface Opened {
  readonly read: Known;
  readonly text: string | undefined;
}

export interface Change {
  readonly secret: SecretRecord;
  /** Of the current version, where the pointer is to hold it too. A pointer that is written without it holds none from then on. */
  readonly held?: Buffer | undefined;
  readonly writes?: readonly ViewWrite[];
  readonly expectations?: readonly ViewExpectation[];
  readonly due?: readonly DueEntry[];
}

interface Sealed {
  readonly revision: Revision;
  open(): Buffer;
}

/** What a write begins with. */
export class Beginning {
  /** Undefined where there is no such secret. */
  readonly before: ReadSecret | undefined;
  readonly settings: MountSettings;

  constructor(before: ReadSecret | undefined, settings: MountSettings) {
    this.before = before;
    this.settings = settings;
  }

  /** What `exists` read in the same request; undefined where it did not ask. */
  static of({ asked }: Pick<Call, 'asked'>): Beginning | undefined {
    return asked?.found instanceof Beginning ? asked.found : undefined;
  }
}

export class Secrets {
  /** Decoded pointers, good for the revision they were read at. No plaintext of secrets is ever kept. */
  readonly #cache = new TwoGenerationCache<Known>(cachedSecrets);
  readonly #door = new Doorkeeper(2 * cachedSecrets);
  readonly encode: EncodeSecret;

  /** @param encode how pointers are written now */
  constructor(encode: EncodeSecret) {
    this.encode = encode;
  }

  async read(view: View, path: string): Promise<ReadSecret | undefined> {
    return this.#decode(path, await view.read(pointerPath(path)));
  }

  /** A secret with the current version's text, where the pointer holds it: for who writes the pointer elsewhere. */
  async readHeld(
    view: View,
    path: string,
  ): Promise<{ readonly read: ReadSecret; readonly held: Buffer | undefined } | undefined> {
    const opened = this.#open(path, await view.read(pointerPath(path)));
    if (opened === undefined) return undefined;
    return { read: opened.read, held: opened.text === undefined ? undefined : Buffer.from(opened.text) };
  }

  /** A secret and what the mount says of all, as one snapshot. */
  async readWithSettings(view: View, path: string): Promise<Beginning> {
    const [pointer, settings] = await view.readMany([pointerPath(path), settingsPath]);
    return new Beginning(this.#decode(path, pointer), decodeSettings(settings));
  }

  /** A secret and the text of one version (0 is the current one), in one look-up where what is known of the pointer allows it. */
  async readVersion(view: View, path: string, version: number): Promise<ReadVersion | undefined> {
    const known = this.#cache.get(path);
    if (known === undefined) return this.#readPointer(view, path, version);
    const { last } = known.secret.versions;
    const guess = version || last;
    if (guess === 0 || (known.holdsText && guess === last)) return this.#readPointer(view, path, version);
    const [pointer, record] = await view.readMany([pointerPath(path), versionPath(known.secret.id, guess)]);
    const read = this.#decode(path, pointer);
    if (read === undefined) return undefined;
    const number = version || read.secret.versions.last;
    // A value that is not there may be a large one, or have gone while the pointer was read.
    if (read.secret.id === known.secret.id && number === guess && record !== undefined) {
      return versionOf(read, number, record.open().toString('utf8'));
    }
    return this.#withText(view, path, read, version);
  }

  /** The pointer first: it may hold what is asked for. */
  async #readPointer(view: View, path: string, version: number): Promise<ReadVersion | undefined> {
    const sealed = await view.read(pointerPath(path));
    if (sealed !== undefined && this.#cache.get(path) === undefined && !this.#door.knows(path)) {
      return this.#readOnce(view, path, version, sealed);
    }
    const opened = this.#open(path, sealed);
    return opened === undefined ? undefined : this.#ofOpened(view, path, version, opened);
  }

  /** Of what is looked at once nothing is kept, and no more is decoded than is shown. */
  #readOnce(view: View, path: string, version: number, sealed: Sealed): Promise<ReadVersion | undefined> {
    const { revision } = sealed;
    const bytes = sealed.open();
    const held = heldVersion(bytes);
    if (held !== undefined && (version === 0 || version === held.number)) {
      const metadata = shownVersionText({ customMetadata: null }, held.number, held.version);
      return Promise.resolve({ revision, ...held, metadata });
    }
    const text = holdsText(bytes) ? heldText(bytes) : undefined;
    const read = { secret: decodeSecret(bytes), revision, holdsText: text !== undefined, facts: undefined };
    return this.#ofOpened(view, path, version, { read, text });
  }

  async #ofOpened(
    view: View,
    path: string,
    version: number,
    { read, text }: Opened,
  ): Promise<ReadVersion | undefined> {
    const { last } = read.secret.versions;
    if (text !== undefined && (version === 0 || version === last)) return versionOf(read, last, text);
    return this.#withText(view, path, read, version);
  }

  /**
   * Commits a changed pointer, expecting it to be as it was read (undefined: absent). Throws `conflict`, and `request_timeout` when
   * the parts of a large value were cleared away before they were taken over.
   */
  async commit(view: View, path: string, before: ReadSecret | undefined, change: Change): Promise<void> {
    const pointer = pointerPath(path);
    const expectations: readonly ViewExpectation[] = [
      { path: pointer, revision: before?.revision ?? null },
      ...(change.expectations ?? []),
    ];
    const { secret, held } = change;
    const encoded = this.encode(secret, held);
    const writes: readonly ViewWrite[] = [{ path: pointer, value: encoded }, ...(change.writes ?? [])];
    const [revision] = await view.commit(writes, expectations, change.due).catch((error: unknown) => {
      throw takeOverError(error);
    });
    // What was just written is often written again, and the next write would have to open it.
    if (revision === undefined) return;
    const known = { secret, revision, holdsText: holdsText(encoded), facts: undefined };
    this.#keep(path, known, encoded.length, true);
  }

  forget(path: string): void {
    this.#cache.delete(path);
  }

  /** The value is another record than the pointer: where it is not there, the pointer may have moved on meanwhile. */
  async #withText(view: View, path: string, read: Known, version: number): Promise<ReadVersion | undefined> {
    const number = version || read.secret.versions.last;
    const entry = read.secret.versions.at(number);
    if (entry === undefined || entry.destroyed) return versionOf(read, number, undefined);
    const text = await readText(view, read.secret, number);
    if (text !== undefined) return versionOf(read, number, text);
    const again = this.#decode(path, await view.read(pointerPath(path)));
    if (again === undefined) return undefined;
    return again.revision === read.revision
      ? versionOf(read, number, text)
      : this.#withText(view, path, again, version);
  }

  #decode(path: string, sealed: Sealed | undefined): Known | undefined {
    if (sealed === undefined) {
      this.#cache.delete(path);
      return undefined;
    }
    const known = this.#cache.get(path);
    if (known?.revision === sealed.revision) return known;
    return this.#take(path, sealed.revision, sealed.open(), known !== undefined);
  }

  /** The same with the text that the pointer holds: it is opened each time, since no text is kept. */
  #open(path: string, sealed: Sealed | undefined): Opened | undefined {
    const known = this.#cache.get(path);
    if (sealed === undefined || (known?.revision === sealed.revision && !known.holdsText)) {
      const read = this.#decode(path, sealed);
      return read === undefined ? undefined : { read, text: undefined };
    }
    const bytes = sealed.open();
    const read =
      known?.revision === sealed.revision
        ? known
        : this.#take(path, sealed.revision, bytes, known !== undefined);
    return { read, text: read.holdsText ? heldText(bytes) : undefined };
  }

  #take(path: string, revision: Revision, bytes: Buffer, wasKnown: boolean): Known {
    const read = { secret: decodeSecret(bytes), revision, holdsText: holdsText(bytes), facts: undefined };
    this.#keep(path, read, bytes.length, wasKnown);
    return read;
  }

  /** What is kept replaces what was; of what is looked at once nothing is kept. */
  #keep(path: string, read: Known, bytes: number, known: boolean): void {
    if (known || this.#door.knows(path)) this.#cache.set(path, read, bytes);
  }
}

function versionOf(read: Known, number: number, text: string | undefined): ReadVersion {
  const { secret, revision } = read;
  if (read.facts?.number !== number) {
    const version = secret.versions.at(number);
    const metadata = version === undefined ? undefined : shownVersionText(secret, number, version);
    read.facts = { number, version, metadata };
  }
  const { version, metadata } = read.facts;
  return { revision, number, version, metadata, text };
}

/** The text of a version that exists; undefined when its value is not there. */
export async function readText(
  view: View,
  secret: SecretRecord,
  number: number,
): Promise<string | undefined> {
  const upload = secret.versions.at(number)?.upload;
  if (upload !== undefined) return readLarge(view, upload);
  return (await view.read(versionPath(secret.id, number)))?.open().toString('utf8');
}

/** The writes that remove a version's value. */
export function removeText(secret: SecretRecord, number: number): ViewWrite[] {
  const upload = secret.versions.at(number)?.upload;
  return upload === undefined ? [{ path: versionPath(secret.id, number), value: null }] : removeLarge(upload);
}

export const pointerFolder = 'meta/';

export function pointerPath(path: string): string {
  return pointerFolder + path;
}

/** Where the text of a version lies that fits one record. */
export function versionPath(id: string, number: number): string {
  return `version/${id}/${String(number).padStart(10, '0')}`;
}
