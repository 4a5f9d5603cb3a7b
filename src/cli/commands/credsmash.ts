import { defineCommand } from '../command.ts';

export const command = defineCommand({
  summary: "credsmash's own commands, in its words",
  details: [
    'Everything behind `coffer credsmash` is read as credsmash 3 reads it: its options, configuration file, sources, formats and ' +
      'exit codes (1 and 2). A link named credsmash that points to coffer is the same. `coffer credsmash -h` lists the commands.',
  ],
  operands: { WORDS: 'many' },
  options: {},
  examples: ['coffer credsmash -t secret-store get db.password', "coffer credsmash find-many 'db.*' db.json"],
  async raw(words, shell) {
    const { runCredsmash } = await import('../credsmash/run.ts');
    shell.endWith(await runCredsmash(words, shell));
  },
  async run() {
    // Its words never come here: they are not ours to read.
  },
});
