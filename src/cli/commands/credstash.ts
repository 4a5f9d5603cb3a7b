import { defineCommand } from '../command.ts';

export const command = defineCommand({
  summary: "credstash's own commands, in its words",
  details: [
    'Everything behind `coffer credstash` is read as credstash 1.17.1 reads it: its options, values (text, @FILE, -), context words, ' +
      'formats and exit codes (1 and 2). A link named credstash that points to coffer is the same. `coffer credstash -h` lists ' +
      'the commands.',
  ],
  operands: { WORDS: 'many' },
  options: {},
  examples: [
    'coffer credstash -t credential-store get db.password env=prod',
    'coffer credstash put -a db.password @password.txt',
  ],
  async raw(words, shell) {
    const { runCredstash } = await import('../credstash/run.ts');
    shell.endWith(await runCredstash(words, shell));
  },
  async run() {
    // Its words never come here: they are not ours to read.
  },
});
