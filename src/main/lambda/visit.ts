/** One slice of the duties' function: a node that comes, works, and has gone when the slice ends. */
import { workOnDuties } from '../../core/manner.ts';
import { silentAfter } from '../../core/node/nodes.ts';
import { asCofferError } from '../../errors.ts';
import type { Slice } from '../../lambda/duties-handler.ts';
import { withOccupants } from '../../storage/occupants.ts';
import { type FunctionWorld, type OpenFunctionNode, openFunctionNode } from './function-node.ts';

/** Milliseconds that tidying watches others for: nodes count as gone after a minute of silence, and are looked at each ten seconds. */
const watching = silentAfter + 15_000;
/** To the core this is one who saw the time at the same moment: another machine's clock. */
const scheduler = { id: 'scheduler', machine: 'scheduler', ahead: 0 };

/** Throws as opening does; what goes wrong in the work itself is logged by the duties, and tried again in the next slice. */
export async function visit(world: FunctionWorld, { duty, time }: Slice): Promise<void> {
  const begun = world.clock.steady();
  const { node, storage } = await openOrMake(world, duty === 'tidy' ? 'once' : 'never');
  try {
    const { core } = node.state;
    // Sealed on purpose: nothing is ended meanwhile, as on a server.
    if (core === undefined) return;
    core.clockWatch.compare([scheduler], new Set([scheduler.id]));
    const left = () => time - (world.clock.steady() - begun);
    await workOnDuties(core, left());
    if (duty === 'due') return;
    // Whose signs of life stay the same for so long has died: this is what takes away what they left.
    await Promise.all([
      withOccupants(storage)?.occupants(),
      new Promise<void>(
        (resolve) => void world.clock.after(Math.min(watching, Math.max(0, left())), resolve),
      ),
    ]);
    await core.nodes.beat();
  } finally {
    await node.state.close();
  }
}

/** A store that is not there yet is made where the Parameter Store knows of none, as `coffer server --aws` does. */
async function openOrMake(
  world: FunctionWorld,
  upkeep: Parameters<typeof openFunctionNode>[2],
): Promise<OpenFunctionNode> {
  try {
    return await openFunctionNode(world, 'visits', upkeep);
  } catch (error) {
    if (world.home === undefined || asCofferError(error).code !== 'store_unusable') throw error;
    const { makeStoreOf } = await import('./make-store.ts');
    // Says what is the matter where that is not that there is none.
    await makeStoreOf(world, world.home);
    return await openFunctionNode(world, 'visits', upkeep);
  }
}
