/** The three methods of Vault's wire that Node's HTTP parser does not know. How they come in is told in `method-handover.ts`. */
export const extensionMethods = ['LIST', 'SCAN', 'HELP'] as const;
export type ExtensionMethod = (typeof extensionMethods)[number];
