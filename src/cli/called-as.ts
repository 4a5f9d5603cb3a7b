/** Programs whose words a command of ours takes: a link of such a name that points here is that command. */
const otherNames: readonly string[] = ['vault', 'credstash', 'credsmash', 'sts', 'berry'];

/**
 * The words of a command line, with the name of the program that it was called as where that says something.
 *
 * @param argv as Node has it: Node itself, the program as it was called, its words
 */
export function calledWords([, program = '', ...words]: readonly string[]): readonly string[] {
  const name = program.replace(/^.*[/\\]/, '').replace(/\.(js|cmd|exe)$/, '');
  return otherNames.includes(name) ? [name, ...words] : words;
}
