/** A whole node behind a real socket, in this process, with time in the test's hand: for checking the wire answer by answer. */
import type { AuthMethodType, EngineType } from '../../src/engine/engine.ts';
import { openListener } from '../../src/http/listener.ts';
import type { JsonValue } from '../../src/json.ts';
import type { Logger } from '../../src/log.ts';
import { type CofferNode, createNode } from '../../src/main/node.ts';
import { MemoryStorage } from '../../src/storage/memory/memory.ts';
import { openWire, type Wire, type WireAnswer, type WireRequest } from '../e2e/wire.ts';
import { typesWith } from '../fakes/client.ts';
import { HandClock } from '../fakes/hand-clock.ts';

export const rootToken = 'hvs.contract-root-token-0000';

export interface ContractServer extends AsyncDisposable {
  readonly node: CofferNode;
  readonly clock: HandClock;
  readonly address: string;
  readonly wire: Wire;
}

/** One line of a contract table: what is sent, and what must come back. Rows of a table build on those before them. */
export interface Row {
  readonly ask: readonly [method: string, path: string, body?: JsonValue];
  readonly with?: WireRequest;
  readonly status: number;
  /** A part of the answer's JSON; `''` stands for no body at all. */
  readonly answer?: object | '';
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** @param open a store with `secret/` is there and unsealed; otherwise it waits for `sys/init` */
export async function openContractServer(
  open = true,
  engines: readonly EngineType[] = [],
  authMethods: readonly AuthMethodType[] = [],
): Promise<ContractServer> {
  const clock = new HandClock();
  const node = createNode({
    storage: new MemoryStorage(),
    auditDirectory: undefined,
    seals: [],
    log: silent,
    clock,
    types: typesWith(engines, authMethods),
  });
  if (open) {
    const made = await node.state.initialize({ shares: 1, threshold: 1 }, rootToken, true);
    await node.state.submitKey(made.shares[0]?.toString('hex') ?? '');
  } else await node.state.start();
  const listener = await openListener({ road: node.road, host: '127.0.0.1', port: 0, log: () => undefined });
  const address = `http://127.0.0.1:${listener.address.port}`;
  const wire = openWire(address, open ? rootToken : undefined);
  return {
    node,
    clock,
    address,
    wire,
    [Symbol.asyncDispose]: async () => {
      wire.close();
      await listener.close({ withinMilliseconds: 1_000 });
      await node.state.close();
    },
  };
}

/** Asks as the row says. */
export function ask(wire: Wire, { ask: [method, path, body], with: more }: Row): Promise<WireAnswer> {
  return wire.ask(method, path, body === undefined ? more : { body, ...more });
}

/** A row as a test's name. */
export function nameOf({ ask: [method, path, body], status }: Row): string {
  return `${method} ${path}${body === undefined ? '' : ` ${JSON.stringify(body)}`} → ${status}`;
}
