/** The function of duties: `handler` is what Lambda calls. Between two calls nothing is open. */
import { type DutiesHandler, dutiesHandler } from '../../lambda/duties-handler.ts';
import { visit } from './visit.ts';
import { functionWorld } from './world.ts';

const world = functionWorld(process.env);

export const handler: DutiesHandler = dutiesHandler({
  clock: world.clock,
  work: (slice) => visit(world, slice),
});
