/** A file that is rendered from secrets. */
import { CofferError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { compileTemplate, renderTemplate, type Template } from '../template/render.ts';
import { templateSecret } from '../template/secret-data.ts';
import { FileNote, isNoted } from './change-note.ts';
import type { DirectorySurroundings } from './credential-directory.ts';
import { unreadable } from './file-error.ts';
import type { KvSecrets } from './kv-secrets.ts';
import type { Output } from './output.ts';
import type { TemplateSettings } from './settings.ts';
import { writeWhole } from './written-file.ts';

/** Bytes of a template. */
const longest = 1024 * 1024;

export class TemplateOutput implements Output {
  readonly kind = 'template';
  readonly name: string;
  readonly onChange: TemplateSettings['onChange'];
  readonly note: FileNote | undefined;
  readonly #settings: TemplateSettings;
  readonly #secrets: KvSecrets;
  readonly #place: DirectorySurroundings;
  #compiled: { readonly text: string; readonly template: Template } | undefined;

  constructor(settings: TemplateSettings, secrets: KvSecrets, place: DirectorySurroundings) {
    this.name = settings.destination;
    this.onChange = settings.onChange;
    this.note = isNoted(settings.onChange) ? new FileNote(settings.destination, place) : undefined;
    this.#settings = settings;
    this.#secrets = secrets;
    this.#place = place;
  }

  async refresh(): Promise<boolean> {
    const { mount, destination, rights } = this.#settings;
    const text = await renderTemplate(this.#template(), {
      variables: {},
      secrets: {
        read: async (name) => {
          if (
            !/^[^/\p{Cc}]+(?:\/[^/\p{Cc}]+)*$/u.test(name) ||
            name.split('/').some((part) => /^\.{1,2}$/.test(part))
          )
            throw new CofferError('usage', 'a secret that a template names cannot be');
          const data = await this.#secrets.read(`${mount}/${name}`);
          return data === undefined ? undefined : templateSecret(name, data);
        },
      },
    });
    return writeWhole(destination, Buffer.from(text), rights, this.#place, this.note);
  }

  describe(): JsonObject {
    return {};
  }

  /** Read each time: it may have been changed. */
  #template(): Template {
    const { source } = this.#settings;
    let text: string;
    try {
      text = this.#place.files.readNamed(source, longest).toString('utf8');
    } catch (error) {
      throw unreadable(source, error);
    }
    if (this.#compiled?.text !== text) this.#compiled = { text, template: compileTemplate(source, text) };
    return this.#compiled.template;
  }
}
