/** The program's version, as package.json has it (a test compares them): SemVer, without a leading `v`. */
export const version = '0.1.0';
