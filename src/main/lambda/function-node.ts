/** A node inside of a function: as a server's, but for what a process that is frozen, or called for a while, cannot be. */
import type { Clock } from '../../clock.ts';
import type { ProcessIdentity } from '../../core/audit/process-identity.ts';
import type { Manner } from '../../core/manner.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { componentLog, type LevelledLogger } from '../../log.ts';
import type { Storage } from '../../storage/storage.ts';
import { mountTypesFor, notifierTypesFor } from '../catalog.ts';
import { openConfiguredSeals } from '../configured-seals.ts';
import { deliveryPlaces } from '../delivery-places.ts';
import { migrationGate } from '../migration-gate.ts';
import { type CofferNode, createNode, type NodeOptions } from '../node.ts';
import { devicePlaces, logControl } from '../program-facts.ts';
import type { FunctionSettings } from './settings.ts';

/** What surrounds a function. */
export interface FunctionWorld extends FunctionSettings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: LevelledLogger;
}

export interface OpenFunctionNode {
  readonly node: CofferNode;
  readonly storage: Storage;
}

/**
 * Opens the store, and the node on it as far as that goes: it may be sealed. Throws `store_unusable` where there is no store, and
 * `unavailable` where the key does not answer; nothing is left open then.
 */
export async function openFunctionNode(
  world: FunctionWorld,
  manner: Manner,
  auditUpkeep: NodeOptions['auditUpkeep'],
): Promise<OpenFunctionNode> {
  const { env, log, place } = world;
  const storage = await place.open({
    create: false,
    rests: true,
    gate: migrationGate,
    env,
    log: (message, fields) => componentLog(log, 'storage').warn(message, fields),
  });
  const node = nodeOn(world, storage, manner, auditUpkeep);
  try {
    await node.state.start();
    if (!node.state.initialized) {
      throw new CofferError('store_unusable', `there is no store in ${place.name} yet`);
    }
    await requireKey(node);
    return { node, storage };
  } catch (error) {
    await node.state.close();
    throw error;
  }
}

/** A key that does not answer is asked again by whoever comes next, and by no timer. Throws `unavailable`. */
export async function requireKey({ state }: CofferNode): Promise<void> {
  if (state.core !== undefined || (await state.status()).waiting === undefined) return;
  throw new CofferError('unavailable', 'the key of the store does not answer, or does not open it');
}

function nodeOn(
  world: FunctionWorld,
  storage: Storage,
  manner: Manner,
  auditUpkeep: NodeOptions['auditUpkeep'],
): CofferNode {
  const { settings, place, env, clock, random, log } = world;
  const { audit, aws, leases, limits, seals } = settings;
  const configured = openConfiguredSeals(seals, env, random);
  return createNode({
    storage,
    storePlace: place.name,
    auditDirectory: undefined,
    auditLog: { log: 'store', keep: audit.keep },
    auditUpkeep,
    manner,
    seals: configured.seals,
    slotMakers: configured.makers,
    log: componentLog(log, 'core'),
    clock,
    random,
    types: mountTypesFor(
      { ...aws, env },
      deliveryPlaces(() => settings.delivery, {}),
    ),
    notifiers: { types: notifierTypesFor({ ...aws, env }), configured: [] },
    limits: () => limits,
    systemTtls: {
      default: Math.ceil(leases.defaultTtl / 1_000),
      max: Math.ceil(leases.maxTtl / 1_000),
    },
    devicePlaces: devicePlaces(audit, undefined, clock),
    program: {
      logs: logControl(log, () => settings.log.level),
      configuration: () => ({ storage: { type: place.kind }, log_level: settings.log.level }),
      process: identityOf(env, random),
    },
  });
}

/**
 * Machines of functions are made from one image: host name, process number and even the identity of a boot may be the same for two of
 * them. So this one says something of its own wherever others would compare.
 */
function identityOf(env: FunctionWorld['env'], random: Random): ProcessIdentity {
  const own = randomUuid(random);
  const name = env['AWS_LAMBDA_FUNCTION_NAME'] ?? 'function';
  return {
    node: `${name}/${own.slice(0, 8)}`,
    pid: process.pid,
    startTicks: '',
    bootId: own,
    pidNamespace: '',
    rests: true,
  };
}
