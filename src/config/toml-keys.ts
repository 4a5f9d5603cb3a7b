/**
 * Where the keys of a TOML document are (TOML 1.0.0): the parser gives values and no positions. Reads text that the parser has
 * taken already, so it only has to know where things begin and end, and never whether they are allowed.
 */
import { parse } from 'smol-toml';
import { type KeyPath, KeyPlaces } from './key-places.ts';

interface Key {
  readonly name: string;
  readonly offset: number;
}

const blank = /[ \t]*/y;
/** Blanks, line ends and comments. */
const gap = /(?:[ \t\r\n]|#[^\n]*)*/y;
const bareKey = /[A-Za-z0-9_-]+/y;
const quoted =
  /"""(?:[^"\\]|\\[\s\S]|"(?!""))*"{3,5}|'''(?:[^']|'(?!''))*'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'/y;
/** Numbers, booleans and times hold none of these. */
const bareValue = /[^,\]}#\r\n]*/y;

/** @param text a document that parses */
export function locateTomlKeys(text: string): KeyPlaces {
  return new TomlScan(text).run();
}

class TomlScan {
  readonly #text: string;
  readonly #places: KeyPlaces;
  /** The number of the newest element of each array of tables. */
  readonly #newest = new Map<string, number>();
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#places = new KeyPlaces(text);
  }

  run(): KeyPlaces {
    let table: KeyPath = [];
    this.#take(gap);
    while (this.#at < this.#text.length) {
      const before = this.#at;
      if (this.#next() === '[') table = this.#header();
      else this.#pair(table);
      this.#take(gap);
      // What the parser took always moves on; a scan that does not would never end.
      if (this.#at === before) break;
    }
    return this.#places;
  }

  #next(): string {
    return this.#text[this.#at] ?? '';
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const taken = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += taken.length;
    return taken;
  }

  #header(): KeyPath {
    const repeated = this.#text.startsWith('[[', this.#at);
    this.#at += repeated ? 2 : 1;
    const keys = this.#keys();
    this.#at += repeated ? 2 : 1;
    const path: (string | number)[] = [];
    for (const [index, { name, offset }] of keys.entries()) {
      path.push(name);
      this.#places.note(path, offset);
      const list = JSON.stringify(path);
      if (repeated && index === keys.length - 1) {
        this.#newest.set(list, (this.#newest.get(list) ?? -1) + 1);
      }
      const newest = this.#newest.get(list);
      if (newest !== undefined) {
        path.push(newest);
        this.#places.note(path, offset);
      }
    }
    return path;
  }

  #pair(table: KeyPath): void {
    let path = table;
    for (const { name, offset } of this.#keys()) {
      path = [...path, name];
      this.#places.note(path, offset);
    }
    this.#at++; // =
    this.#take(blank);
    this.#value(path);
  }

  /** `a."b c".d` */
  #keys(): readonly Key[] {
    const keys: Key[] = [];
    for (;;) {
      this.#take(blank);
      const offset = this.#at;
      const bare = this.#take(bareKey);
      keys.push({ name: bare === '' ? unquote(this.#take(quoted)) : bare, offset });
      this.#take(blank);
      if (this.#next() !== '.') return keys;
      this.#at++;
    }
  }

  #value(path: KeyPath): void {
    const first = this.#next();
    if (first === '[') this.#array(path);
    else if (first === '{') this.#inlineTable(path);
    else if (this.#take(quoted) === '') this.#take(bareValue);
  }

  #array(path: KeyPath): void {
    this.#at++;
    for (let index = 0; ; index++) {
      this.#take(gap);
      if (this.#next() === ']' || this.#next() === '') break;
      this.#places.note([...path, index], this.#at);
      this.#value([...path, index]);
      this.#take(gap);
      if (this.#next() === ',') this.#at++;
    }
    this.#at++;
  }

  #inlineTable(path: KeyPath): void {
    this.#at++;
    for (;;) {
      this.#take(gap);
      if (this.#next() === '}' || this.#next() === '') break;
      this.#pair(path);
      this.#take(gap);
      if (this.#next() === ',') this.#at++;
    }
    this.#at++;
  }
}

/** A quoted key as the parser reads it, escapes and all. */
function unquote(raw: string): string {
  return raw === '' ? '' : (Object.keys(parse(`${raw} = 0`))[0] ?? '');
}
