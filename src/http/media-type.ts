/** What a Content-Type names. */

const mediaType = /^[ \t]*([!#$%&'*+.^_`|~\w-]+\/[!#$%&'*+.^_`|~\w-]+)[ \t]*(?:;|$)/;

/** A Content-Type's media type in lower case, without parameters (RFC 9110 §8.3.1); undefined when absent or not one. */
export function mediaTypeOf(contentType: string | undefined): string | undefined {
  return contentType === undefined ? undefined : mediaType.exec(contentType)?.[1]?.toLowerCase();
}
