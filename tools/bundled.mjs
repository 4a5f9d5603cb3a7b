/**
 * Packages whose code is in the bundle. As packages those of AWS are hundreds of files, which cost a call of the command line more than its
 * requests; TOML's are nine, which each server and each round of the agent would load one by one.
 */
export function isBundled(name) {
  return name === 'smol-toml' || name.startsWith('@aws-sdk/client-') || name.startsWith('@smithy/');
}
