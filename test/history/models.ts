/** What one copy of a secret, and of a token, would do: the two things whose histories are checked. */
import type { Model } from './linearizable.ts';

/** How many versions a secret keeps. */
export const keptVersions = 10;

export type SecretInput =
  /** `cas`: the version it wants to follow; undefined appends whatever is there. Each value is written once. */
  | { readonly kind: 'write'; readonly value: string; readonly cas?: number }
  /** The newest version, or one by its number. */
  | { readonly kind: 'read'; readonly version?: number };

export type SecretOutput =
  | { readonly kind: 'written'; readonly version: number }
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'found'; readonly version: number; readonly value: string }
  | { readonly kind: 'absent' };

export interface SecretState {
  readonly versions: number;
  /** Of the newest versions, the oldest of them first. */
  readonly values: readonly string[];
}

/** A secret with versions: a register with check-and-set, and a log to which writes append. */
export const secretModel: Model<SecretState, SecretInput, SecretOutput> = {
  initial: { versions: 0, values: [] },
  step(state, input, output) {
    if (input.kind === 'read')
      return output === undefined || fits(state, input.version, output) ? state : undefined;
    const matches = input.cas === undefined || input.cas === state.versions;
    if (!matches) return output === undefined || output.kind === 'mismatch' ? state : undefined;
    const versions = state.versions + 1;
    if (output !== undefined && !(output.kind === 'written' && output.version === versions)) return undefined;
    return { versions, values: [...state.values, input.value].slice(-keptVersions) };
  },
  textOf: ({ versions, values }) => `${versions}:${values.join()}`,
};

function fits(state: SecretState, asked: number | undefined, output: SecretOutput): boolean {
  const version = asked ?? state.versions;
  const value = version > state.versions ? undefined : state.values.at(version - state.versions - 1);
  if (output.kind === 'absent') return value === undefined;
  return output.kind === 'found' && output.version === version && output.value === value;
}

export type TokenInput = { readonly kind: 'use' } | { readonly kind: 'revoke' };
/** `refused` by a use: the token is no good; by a revocation: there was nothing left to revoke. */
export type TokenOutput = { readonly kind: 'done' } | { readonly kind: 'refused' };

export interface TokenState {
  /** How many uses are left; a token that is revoked or used up has none, and never any again. */
  readonly uses: number;
}

/** A token of so many uses: a counter that only falls, and a flag that is raised once. */
export function tokenModel(uses: number): Model<TokenState, TokenInput, TokenOutput> {
  return {
    initial: { uses },
    step(state, input, output) {
      if (input.kind === 'revoke') return { uses: 0 };
      if (state.uses === 0) return output?.kind === 'done' ? undefined : state;
      return output?.kind === 'refused' ? undefined : { uses: state.uses - 1 };
    },
    textOf: (state) => String(state.uses),
  };
}
