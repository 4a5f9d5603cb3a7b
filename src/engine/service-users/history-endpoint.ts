/** `apps/:id/history`: what happened to an application. */
import { type Endpoint, endpoint } from '../../core/endpoint.ts';
import type { JsonObject } from '../../json.ts';
import { findApplication, unknownApplication } from './applications.ts';
import { decodeHistory, type HistoryEntry, historyFolder, mostEntries } from './history.ts';
import { idOf } from './registration-endpoints.ts';

export function historyEndpoint(): Endpoint {
  return endpoint({
    pattern: 'apps/:id/history',
    help: 'What happened to an application, newest first.',
    fields: {
      limit: {
        type: 'int',
        help: `Most entries to show, 1 to ${mostEntries}; all unless told.`,
        query: true,
      },
    },
    operations: {
      read: {
        summary: 'Show what happened to an application',
        response: {
          entries: {
            type: 'list',
            items: {
              time: { type: 'string', help: 'RFC 3339.' },
              event: { type: 'string' },
              kind: { type: 'string', nullable: true, help: 'password or client.' },
              generation: { type: 'int', nullable: true },
              milliseconds: { type: 'int', nullable: true, help: 'That it took.' },
              detail: { type: 'string', nullable: true },
            },
          },
        },
        handle: async (call) => {
          const id = idOf(call);
          const { view } = call;
          if ((await findApplication(view, id)) === undefined) throw unknownApplication(id);
          const { limit = 0 } = call.fields;
          const most = limit > 0 ? Math.min(limit, mostEntries) : mostEntries;
          const { items } = await view.range(historyFolder(id), { limit: most });
          return { data: { entries: items.map((record) => shown(decodeHistory(record.open()))) } };
        },
      },
    },
  });
}

function shown({ at, event, kind, generation, duration, detail }: HistoryEntry): JsonObject {
  return {
    time: new Date(at).toISOString(),
    event,
    kind: kind ?? null,
    generation: generation ?? null,
    milliseconds: duration ?? null,
    detail: detail ?? null,
  };
}
