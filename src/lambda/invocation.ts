/** What the runtime hands to a function besides its event: as much of it as is used here. */
export interface Invocation {
  readonly awsRequestId: string;
  /** Milliseconds until the runtime cuts the function off. */
  getRemainingTimeInMillis(): number;
}
