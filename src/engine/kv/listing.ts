/** Names of secrets, as LIST answers them: in the order of their UTF-8 bytes, a page at a time. */
import type { Reply, ResponseSchema } from '../../core/endpoint.ts';
import { type ListWish, listPage } from '../../core/list-page.ts';
import type { View } from '../../core/view.ts';

export const listSchema = { keys: { type: 'list' } } as const satisfies ResponseSchema;

/** Names directly below a folder of the view; folders end in `/`. */
export function listNames(view: View, folder: string, wish: ListWish): Promise<Reply> {
  return listPage((page) => view.children(folder, page), wish);
}
