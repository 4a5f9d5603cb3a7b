/** The versioned key/value engine (kv v2). */
import { type Call, type Endpoint, endpoint, type OperationSpec } from '../../core/endpoint.ts';
import type { Engine, EngineEnvironment } from '../engine.ts';
import { copyFolder, onCopyDue } from './copy.ts';
import { dataEndpoint, subkeysEndpoint } from './data-endpoints.ts';
import { endingFolder } from './ending.ts';
import { onEndingDue } from './ending-duty.ts';
import { onUploadDue, uploadFolder } from './large-value.ts';
import { metadataEndpoint } from './metadata-endpoints.ts';
import { pointerEncoder } from './pointer.ts';
import { secretPath } from './secret-path.ts';
import { Secrets } from './secrets.ts';
import { settingsEndpoint } from './settings-endpoint.ts';
import { kvTree } from './tree.ts';
import { onUpgradeDue, UpgradeGate, upgradePath } from './upgrade.ts';
import { versionEndpoints } from './version-endpoints.ts';
import { emptyTrash, type Place } from './versions.ts';

export function kvV2(environment: EngineEnvironment): Engine {
  const { random, clock } = environment;
  const encode = pointerEncoder(environment);
  const secrets = new Secrets(encode);
  const gate = new UpgradeGate();
  const place = (call: Call): Place => ({ secrets, random, call, path: secretPath(call) });
  const endpoints = [
    settingsEndpoint(),
    dataEndpoint(secrets, place),
    subkeysEndpoint(secrets),
    metadataEndpoint(secrets, place),
    ...versionEndpoints(place),
    wrongPath(),
  ];
  return {
    endpoints: endpoints.map((one) => behind(gate, one)),
    onDue: async (name, view) => {
      if (name === upgradePath) return onUpgradeDue(view, { random, encode, now: clock.now() });
      if (name.startsWith(uploadFolder)) return onUploadDue(view, name);
      if (name.startsWith(copyFolder)) return onCopyDue(view, name);
      if (name.startsWith(endingFolder)) return onEndingDue(secrets, view, name, clock.now());
      return emptyTrash(view, name);
    },
    secrets: kvTree(secrets, gate, environment),
  };
}

/** Clients of kv v1 ask without `data/`: they are told what to say instead. */
function wrongPath(): Endpoint {
  const spec = {
    summary: 'Not a path of a versioned engine',
    response: {},
    handle: async () => ({
      status: 404,
      warnings: [
        'Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use: data/ and metadata/ go before the name.',
      ],
    }),
  };
  return endpoint({
    pattern: ':path*',
    help: 'Nothing is here: data/, metadata/, subkeys/, delete/, undelete/ or destroy/ goes before the name.',
    fields: {},
    openFields: true,
    operations: { read: spec, list: spec, scan: spec, update: spec, delete: spec },
  });
}

/** The same endpoint, refused while the mount is being upgraded. */
function behind(gate: UpgradeGate, { exists, ...declared }: Endpoint): Endpoint {
  const passed = async (call: Call) => {
    if (!gate.isOpen) await gate.check(call.view);
  };
  const operations = Object.entries(declared.operations).map(([name, spec]): [string, OperationSpec] => [
    name,
    {
      ...spec,
      handle: (call) => {
        if (gate.isOpen) return spec.handle(call);
        const handle = () => spec.handle(call);
        return name === 'read' ? firstRead(gate, call, handle) : passed(call).then(handle);
      },
    },
  ]);
  return {
    ...declared,
    operations: Object.fromEntries(operations),
    ...(exists === undefined
      ? {}
      : { exists: (call) => (gate.isOpen ? exists(call) : passed(call).then(() => exists(call))) }),
  };
}

/**
 * A read changes nothing, so that it need not wait for the mark. Where there is one, the read may have been too early: it is done
 * again. Where there is none, the mount had version 2 from its beginning.
 */
async function firstRead<T>(gate: UpgradeGate, call: Call, handle: () => Promise<T>): Promise<T> {
  const [mark, answer] = await Promise.allSettled([gate.check(call.view), handle()]);
  if (mark.status === 'rejected') throw mark.reason;
  if (mark.value === 'upgraded') return handle();
  if (answer.status === 'rejected') throw answer.reason;
  return answer.value;
}
