// In place of `node:process` in the bundle: importing that one as a module reads each of its properties, and so opens all three streams.
export const { env, versions } = globalThis.process;
