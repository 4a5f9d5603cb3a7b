/** The catalog rows of the key/value engine: with versions and without, and without under its oldest name. */
import { CofferError } from '../../errors.ts';
import type { EngineOptions, EngineType, OptionsChange } from '../engine.ts';
import { kvV1 } from './kv-v1.ts';
import { kvV2 } from './kv-v2.ts';
import { pointerFormats } from './pointer-formats.ts';
import { beginUpgrade } from './upgrade.ts';

export const kv: EngineType = {
  type: 'kv',
  summary: 'key/value secrets, with versions (version 2) or without',
  formats: pointerFormats,
  parseOptions,
  changeOptions,
  create: (environment) => (environment.options['version'] === '2' ? kvV2(environment) : kvV1(environment)),
};

export const generic: EngineType = {
  type: 'generic',
  summary: 'key/value secrets without versions, under the name of Vault’s first years',
  parseOptions(options) {
    const [name] = Object.keys(options);
    if (name === undefined) return {};
    throw new CofferError('invalid_request', `generic has no option "${name.slice(0, 60)}"`);
  },
  create: kvV1,
};

/** Nothing said is version 1, as clients expect. */
function parseOptions(options: EngineOptions): EngineOptions {
  const unknown = Object.keys(options).find((name) => name !== 'version');
  if (unknown !== undefined) {
    throw new CofferError('invalid_request', `kv has no option "${unknown.slice(0, 60)}"`);
  }
  const { version } = options;
  if (version === undefined || version === '') return {};
  if (version !== '1' && version !== '2') {
    throw new CofferError('invalid_request', 'the version of kv is "1" or "2"');
  }
  return { version };
}

function changeOptions(before: EngineOptions, wanted: EngineOptions): OptionsChange {
  const { version } = parseOptions(wanted);
  const now = before['version'] === '2' ? '2' : '1';
  if (version === undefined || version === now) return { options: { ...before, ...parseOptions(wanted) } };
  if (version === '1') {
    throw new CofferError('invalid_request', 'kv cannot go from version 2 back to version 1');
  }
  return { options: { ...before, version }, ...beginUpgrade() };
}
