// Types for rows of the command table whose files may be missing from a build. Where a file is there, its own types count.
declare module '*/commands/server.ts' {
  export const command: import('./command.ts').Command;
}
declare module '*/commands/audit.ts' {
  export const command: import('./command.ts').CommandGroup;
}
