/** What programs that talk to a server import: `coffer/client`. Every name that is here is kept. */
export { CofferError, type ErrorCode } from '../errors.ts';
export type { JsonObject, JsonValue } from '../json.ts';
export { type Address, formatAddress, isLoopback, parseAddress } from './address.ts';
export {
  Client,
  type ClientAnswer,
  type ClientOptions,
  type Method,
  openClient,
  type RequestOptions,
} from './client.ts';
export { Kv, type KvSecret, type KvWriteOptions, openKv } from './kv.ts';
export {
  type AppRoleLogin,
  type JwtLogin,
  type Login,
  loginByAppRole,
  loginByJwt,
  renewToken,
  revokeToken,
} from './login.ts';
export { ApiError } from './wire-error.ts';
