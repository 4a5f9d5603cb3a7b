/** Where the keys of a JSON document are (RFC 8259), and where it stops being one: the platform's parser does not always say. */
import { type KeyPath, KeyPlaces, type Place } from './key-places.ts';

export interface JsonFault {
  readonly place: Place;
  readonly message: string;
}

export interface JsonKeys {
  readonly places: KeyPlaces;
  /** What keeps the text from being JSON, or undefined: `JSON.parse` takes it then. */
  readonly fault: JsonFault | undefined;
  /** Names that one object has twice; the parser would take the last without a word. */
  readonly repeated: readonly JsonFault[];
}

const blank = /[ \t\r\n]*/y;
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const scalar = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** No configuration nests deeper. */
const deepest = 32;

export function locateJsonKeys(text: string): JsonKeys {
  return new JsonScan(text).run();
}

/** Thrown and caught in this file alone. */
class Fault extends Error {}

class JsonScan {
  readonly #text: string;
  readonly #places: KeyPlaces;
  readonly #repeated: JsonFault[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#places = new KeyPlaces(text);
  }

  run(): JsonKeys {
    let fault: JsonFault | undefined;
    try {
      this.#value([]);
      this.#take(blank);
      if (this.#at < this.#text.length) throw new Fault('nothing may follow the closing brace');
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      fault = { place: this.#places.at(this.#at), message: thrown.message };
    }
    return { places: this.#places, fault, repeated: this.#repeated };
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const taken = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += taken.length;
    return taken;
  }

  #takeMark(...marks: readonly string[]): string {
    this.#take(blank);
    const mark = this.#text[this.#at] ?? '';
    if (!marks.includes(mark)) throw new Fault(`expected ${marks.map((each) => `"${each}"`).join(' or ')}`);
    this.#at++;
    return mark;
  }

  #value(path: KeyPath): void {
    this.#take(blank);
    const first = this.#text[this.#at] ?? '';
    if ((first === '{' || first === '[') && path.length >= deepest) throw new Fault('nested too deeply');
    if (first === '{') this.#object(path);
    else if (first === '[') this.#array(path);
    else if (this.#take(first === '"' ? string : scalar) === '') throw new Fault('expected a value');
  }

  #object(path: KeyPath): void {
    this.#at++;
    if (this.#closes('}')) return;
    do {
      this.#take(blank);
      const offset = this.#at;
      const raw = this.#take(string);
      if (raw === '') throw new Fault('expected a name in double quotes');
      const name = JSON.parse(raw) as string;
      const inner = [...path, name];
      if (this.#places.has(inner)) {
        this.#repeated.push({ place: this.#places.at(offset), message: `"${name}" is there twice` });
      }
      this.#places.note(inner, offset);
      this.#takeMark(':');
      this.#value(inner);
    } while (this.#takeMark(',', '}') === ',');
  }

  #array(path: KeyPath): void {
    this.#at++;
    if (this.#closes(']')) return;
    let index = 0;
    do {
      this.#take(blank);
      this.#places.note([...path, index], this.#at);
      this.#value([...path, index]);
      index++;
    } while (this.#takeMark(',', ']') === ',');
  }

  #closes(mark: string): boolean {
    this.#take(blank);
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    return true;
  }
}
