/** The program's version, as package.json has it (a test compares them): SemVer, without a leading `v`. */
export const version = '0.1.0';

/** The version of Vault's API family that is spoken here: clients switch features on it, so it must be a SemVer of theirs. */
export const vaultVersion = '1.17.6';
