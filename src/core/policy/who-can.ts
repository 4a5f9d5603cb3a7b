/**
 * Who may do a thing: policies that allow it by themselves, then roles and users, then tokens, each judged by all the policies
 * it has. One answer looks at a bounded number of them and says where the next one goes on.
 */
import type { AuthMethod } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { storageLimits } from '../../storage/storage.ts';
import type { Identity } from '../identity/identity.ts';
import type { Mount } from '../mount/table.ts';
import type { CoreRooms } from '../rooms.ts';
import { withDefault } from './assignable.ts';
import { judgeQuestion, type Question } from './question.ts';
import { type Filling, loginMetadata } from './template.ts';

export const sections = ['policies', 'roles', 'tokens'] as const;
export type Section = (typeof sections)[number];

/** By which rule, and whether others must approve of it each time. */
type Way = { readonly rule: string; readonly needs_approval: boolean };

export interface WhoCan {
  readonly policies: ({ name: string } & Way)[];
  readonly roles: ({ mount: string; type: string; name: string; policies: readonly string[] } & Way)[];
  readonly tokens: ({ accessor: string; display_name: string; policies: readonly string[] } & Way)[];
  /** Where to go on; null at the end. */
  next: string | null;
}

/** Where a scan stands: behind `after` in a section, of one auth mount's roles where they are its business. */
interface Cursor {
  readonly section: Section;
  readonly mount: string;
  readonly after: string | undefined;
}

/** Of a scan, one source of candidates after the other. */
interface Source {
  readonly section: Section;
  readonly mount: string;
  /** Looks at one page; answers where the next one goes on. */
  look(limit: number, after: string | undefined, found: WhoCan): Promise<{ seen: number; next?: string }>;
}

/** @param most how many policies, roles, users and tokens are looked at */
export async function whoCan(
  rooms: CoreRooms,
  question: Question,
  options: {
    readonly include: readonly Section[];
    readonly most: number;
    readonly after: string | undefined;
  },
): Promise<WhoCan> {
  const found: WhoCan = { policies: [], roles: [], tokens: [], next: null };
  const sources = sourcesOf(rooms, question).filter(({ section }) => options.include.includes(section));
  const cursor = options.after === undefined ? undefined : decodeCursor(options.after);
  let index = cursor === undefined ? 0 : Math.max(0, placeOf(sources, cursor));
  let after = cursor !== undefined && isAt(sources[index], cursor) ? cursor.after : undefined;
  let left = options.most;
  while (index < sources.length) {
    const source = sources[index];
    if (source === undefined) break;
    if (left <= 0) {
      found.next = encodeCursor({ section: source.section, mount: source.mount, after });
      break;
    }
    const { seen, next } = await source.look(Math.min(left, storageLimits.pageItems), after, found);
    // A page may be empty and have a next one: each counts, so that the work is bounded whatever storage does.
    left -= Math.max(1, seen);
    after = next;
    if (next === undefined) index += 1;
  }
  return found;
}

function sourcesOf(rooms: CoreRooms, question: Question): readonly Source[] {
  const judges = new Judges(rooms, question);
  return [
    policySource(rooms, judges),
    ...rooms.mounts.table.mounts.flatMap((mount) => roleSource(rooms, judges, mount)),
    tokenSource(rooms, judges),
  ];
}

/** Most holders have the same few sets of policies. */
class Judges {
  readonly #rooms: CoreRooms;
  readonly #question: Question;
  readonly #known = new Map<string, Way | undefined>();

  constructor(rooms: CoreRooms, question: Question) {
    this.#rooms = rooms;
    this.#question = question;
  }

  /** Undefined where it is not allowed. */
  async way(
    names: readonly string[],
    identity?: Identity,
    metadata?: Filling['metadata'],
  ): Promise<Way | undefined> {
    // Policies with templates say another thing of each entity and of each login.
    const key = JSON.stringify([identity?.entity.id, metadata, names]);
    if (this.#known.has(key)) return this.#known.get(key);
    const acl = await this.#rooms.policies.acl(names, this.#rooms.epoch().policies, {
      subject: identity,
      metadata,
    });
    const { decision } = judgeQuestion(this.#rooms, acl, this.#question);
    const way =
      decision.kind === 'deny'
        ? undefined
        : {
            rule: 'rule' in decision ? decision.rule.pattern : decision.reason,
            needs_approval: decision.kind === 'needs-approval',
          };
    this.#known.set(key, way);
    return way;
  }
}

function policySource(rooms: CoreRooms, judges: Judges): Source {
  return {
    section: 'policies',
    mount: '',
    async look(limit, after, found) {
      const page = await rooms.policies.names({ limit, ...(after === undefined ? {} : { after }) });
      const names = after === undefined ? ['root', ...page.items] : page.items;
      for (const name of names) {
        const way = await judges.way([name]);
        if (way !== undefined) found.policies.push({ name, ...way });
      }
      return { seen: names.length, ...nextOf(page.next) };
    },
  };
}

function roleSource(rooms: CoreRooms, judges: Judges, { entry, engine }: Mount): readonly Source[] {
  const method: AuthMethod | undefined = entry.kind === 'auth' ? engine : undefined;
  const holders = method?.holders?.(rooms.view(entry.uuid));
  if (holders === undefined) return [];
  const look: Source['look'] = async (limit, after, found) => {
    const page = await holders({ limit, ...(after === undefined ? {} : { after }) });
    for (const { name, policies, noDefaultPolicy } of page.items) {
      const granted = withDefault(policies, noDefaultPolicy);
      const way = await judges.way(granted);
      if (way === undefined) continue;
      found.roles.push({ mount: entry.path, type: entry.type, name, policies: granted, ...way });
    }
    return { seen: page.items.length, ...nextOf(page.next) };
  };
  return [{ section: 'roles', mount: entry.path, look }];
}

function tokenSource(rooms: CoreRooms, judges: Judges): Source {
  return {
    section: 'tokens',
    mount: '',
    async look(limit, after, found) {
      const page = await rooms.tokens.page({ limit, ...(after === undefined ? {} : { after }) });
      const now = rooms.clock.now();
      for (const record of page.items) {
        if (record.usesLeft === 0) continue;
        if (record.expiresAt !== null && record.expiresAt <= now) continue;
        const holder = await rooms.identities.holderOf(record);
        if (holder === undefined) continue;
        const { policies, identity } = holder;
        const way = await judges.way(policies, identity, loginMetadata(record));
        if (way === undefined) continue;
        const { accessor, displayName: display_name } = record;
        found.tokens.push({ accessor, display_name, policies, ...way });
      }
      return { seen: page.items.length, ...nextOf(page.next) };
    },
  };
}

function nextOf(next: string | undefined): { next?: string } {
  return next === undefined ? {} : { next };
}

function isAt(source: Source | undefined, { section, mount }: Cursor): boolean {
  return source?.section === section && source.mount === mount;
}

/** The source of the cursor; if its mount is gone meanwhile, the first one behind it. */
function placeOf(sources: readonly Source[], cursor: Cursor): number {
  const place = sources.findIndex(
    ({ section, mount }) =>
      sections.indexOf(section) > sections.indexOf(cursor.section) ||
      (section === cursor.section && mount >= cursor.mount),
  );
  return place === -1 ? sources.length : place;
}

function encodeCursor({ section, mount, after }: Cursor): string {
  return Buffer.from(JSON.stringify([section, mount, after ?? null])).toString('base64url');
}

/** Throws `invalid_request` for what is not a `next` of ours. */
function decodeCursor(text: string): Cursor {
  const wrong = () => new CofferError('invalid_request', 'after is not the next of an earlier answer');
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    throw wrong();
  }
  if (!Array.isArray(parts) || parts.length !== 3) throw wrong();
  const [name, mount, after] = parts as readonly unknown[];
  const section = sections.find((known) => known === name);
  const isName = (value: unknown): value is string =>
    typeof value === 'string' && /^[\w./@+~-]{0,700}$/.test(value);
  if (section === undefined || typeof mount !== 'string' || (after !== null && !isName(after))) throw wrong();
  return { section, mount, after: after ?? undefined };
}
