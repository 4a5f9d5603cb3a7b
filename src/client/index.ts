/** What programs that talk to a server import. */
export { type Address, formatAddress, isLoopback, parseAddress } from './address.ts';
export {
  Client,
  type ClientAnswer,
  type ClientOptions,
  type Method,
  openClient,
  type RequestOptions,
} from './client.ts';
export { ApiError } from './wire-error.ts';
