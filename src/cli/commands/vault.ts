import { defineCommand } from '../command.ts';

export const command = defineCommand({
  summary: "Vault's own commands, in its words",
  details: [
    'Everything behind `coffer vault` is read as the vault program reads it: its verbs (also those of its first releases), flags ' +
      'with one dash, VAULT_* variables, ~/.vault-token, layouts and exit codes. A link named vault that points to coffer is the ' +
      'same. `coffer vault -help` lists the verbs.',
  ],
  operands: { WORDS: 'many' },
  options: {},
  examples: ['coffer vault kv put secret/web password=-', 'coffer vault token-create -num-uses=4'],
  async raw(words, shell) {
    const { runVault } = await import('../vault/run.ts');
    shell.endWith(await runVault(words, shell));
  },
  async run() {
    // Its words never come here: they are not ours to read.
  },
});
