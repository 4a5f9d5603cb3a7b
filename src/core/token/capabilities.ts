/** `sys/capabilities-self`: what the caller may do on which path, answered by the decision's own rules. */
import { CofferError } from '../../errors.ts';
import { coreEndpoint } from '../core-call.ts';
import type { Endpoint } from '../endpoint.ts';
import { parseApiPath } from '../path.ts';
import type { AnswerData } from '../request.ts';
import type { CoreRooms } from '../rooms.ts';

const mostPaths = 1_000;

export function capabilityEndpoints(_rooms: CoreRooms): readonly Endpoint[] {
  return [
    coreEndpoint({
      pattern: 'capabilities-self',
      help: 'Lists what the token that asks may do on each path.',
      fields: { paths: { type: 'list', help: 'Paths below /v1/.', aliases: ['path'] } },
      operations: {
        update: {
          summary: 'Capabilities of this token',
          repeatData: true,
          response: { '*': { type: 'list' } },
          handle: async (call) => {
            const { paths } = call.fields;
            if (paths === undefined || paths.length === 0)
              throw new CofferError('invalid_request', 'paths must be supplied');
            if (paths.length > mostPaths) {
              throw new CofferError('invalid_request', `at most ${mostPaths} paths can be asked at once`);
            }
            const answer: Record<string, AnswerData[string]> = Object.create(null);
            for (const path of paths) {
              const parsed = parseApiPath(path.replace(/^\//, ''));
              answer[path] = call.acl?.capabilities(parsed) ?? ['deny'];
            }
            const [only] = paths;
            if (paths.length === 1 && only !== undefined) answer['capabilities'] = answer[only] ?? ['deny'];
            return { data: answer };
          },
        },
      },
    }),
  ];
}
