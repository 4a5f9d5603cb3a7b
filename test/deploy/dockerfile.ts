/** Reads a Dockerfile of the plain kind that ours is: instructions, continued lines, remarks; stages by name. */

export interface Instruction {
  readonly name: string;
  /** As written, with continued lines joined. */
  readonly text: string;
}

export interface Stage {
  readonly from: string;
  /** Undefined for the last one of ours. */
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  /** Before the first stage. */
  readonly args: ReadonlyMap<string, string>;
  readonly stages: readonly Stage[];
}

export function parseDockerfile(text: string): Dockerfile {
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n');
  const args = new Map<string, string>();
  const stages: { from: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (name === '') throw new Error(`not an instruction: ${line}`);
    if (name === 'FROM') {
      const [, from = '', as] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      stages.push({ from, name: as, instructions: [] });
      continue;
    }
    const stage = stages.at(-1);
    if (stage !== undefined) stage.instructions.push({ name, text: rest });
    else args.set(rest.slice(0, rest.indexOf('=')), rest.slice(rest.indexOf('=') + 1));
  }
  return { args, stages };
}

/** The arguments of an instruction in its form without a shell. */
export function words(text: string): readonly string[] {
  const parsed: unknown = JSON.parse(text);
  if (!Array.isArray(parsed)) throw new Error(`not a list of words: ${text}`);
  return parsed.map(String);
}

/** `A=b C="d e"` */
export function pairs(text: string): ReadonlyMap<string, string> {
  const found = [...text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S*))/g)];
  return new Map(found.map(([, name = '', quoted, plain]) => [name, quoted ?? plain ?? '']));
}

/** Whether a path of the build's context is sent: the last pattern of .dockerignore that fits decides. */
export function isSent(path: string, ignore: string): boolean {
  let sent = true;
  for (const line of ignore.split('\n').filter((each) => !/^(#|$)/.test(each))) {
    const pattern = line.replace(/^!/, '');
    const fits = pattern === '*' || path === pattern || path.startsWith(`${pattern}/`);
    if (fits) sent = line.startsWith('!');
  }
  return sent;
}
