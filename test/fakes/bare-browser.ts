/** As much of a browser as a bare page needs: elements by id that hold text and attributes, an address, and the page's own requests. */
import { runInNewContext } from 'node:vm';

type Listener = (event: { preventDefault(): void }) => unknown;

/** Has no way to set markup: a page that tried would fail. */
export class BareElement {
  textContent = '';
  hidden = false;
  value = '';
  readonly attributes = new Map<string, string>();
  readonly children: BareElement[] = [];
  readonly listeners = new Map<string, Listener>();

  addEventListener(name: string, listener: Listener): void {
    this.listeners.set(name, listener);
  }

  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }

  removeAttribute(name: string): void {
    this.attributes.delete(name);
  }

  replaceChildren(...children: BareElement[]): void {
    this.children.splice(0, this.children.length, ...children);
  }
}

export interface BarePage {
  readonly element: (id: string) => BareElement;
  /** What stands in the address bar behind the host. */
  readonly address: () => string;
  /** Paths and bodies that the page sent. */
  readonly sent: readonly { readonly url: string; readonly body: string }[];
  /** Lets something happen, and waits for what the page does about it. */
  fire(id: string | undefined, event: string): Promise<void>;
}

/** Loads the markup's elements, and runs the script as a page at `url` with this fragment. */
export function openBarePage(url: string, fragment: string, markup: string, script: string): BarePage {
  const ids = [...markup.matchAll(/<[a-z]+ [^>]*?\bid="([\w-]+)"([^>]*)>/g)];
  const elements = new Map(
    ids.map(([, id = '', rest = '']) => {
      const element = new BareElement();
      element.hidden = / hidden\b/.test(rest);
      return [id, element] as const;
    }),
  );
  const ofWindow = new Map<string, Listener>();
  const sent: { url: string; body: string }[] = [];
  const location = { pathname: new URL(url).pathname, hash: fragment };
  runInNewContext(script, {
    URL,
    location,
    history: {
      replaceState(_state: unknown, _title: string, path: string) {
        location.hash = path.includes('#') ? path.slice(path.indexOf('#')) : '';
      },
    },
    document: {
      getElementById: (id: string) => elements.get(id),
      createElement: () => new BareElement(),
    },
    addEventListener: (name: string, listener: Listener) => void ofWindow.set(name, listener),
    fetch: (to: string, options: RequestInit) => {
      const target = new URL(to, url).href;
      sent.push({ url: target, body: String(options.body) });
      // What only browsers know of is theirs to keep.
      const { method = 'GET', headers, body } = options;
      return fetch(target, { method, ...(headers === undefined ? {} : { headers }), body: body ?? null });
    },
  });
  return {
    sent,
    address: () => location.pathname + location.hash,
    element(id) {
      const element = elements.get(id);
      if (element === undefined) throw new Error(`the page has no element ${id}`);
      return element;
    },
    async fire(id, event) {
      const listener = (id === undefined ? ofWindow : elements.get(id)?.listeners)?.get(event);
      if (listener === undefined) throw new Error(`nobody listens to ${event} of ${id}`);
      await listener({ preventDefault() {} });
    },
  };
}
