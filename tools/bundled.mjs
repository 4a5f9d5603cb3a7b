/** Packages whose code is in the bundle: as packages they are hundreds of files, which cost a call of the command line more than its requests. */
export function isBundled(name) {
  return name === 'smol-toml' || name.startsWith('@aws-sdk/client-') || name.startsWith('@smithy/');
}
