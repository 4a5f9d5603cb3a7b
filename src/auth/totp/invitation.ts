/** Invitations to enrol a device: secrets that are good once, each for one account, kept by a keyed hash. */

/** @param digest keyed hash of the invitation's text */
export function invitationPath(digest: string): string {
  return `invitation/${digest}`;
}
