/** The policies every store has from the start. */
import type { PolicyName } from './name.ts';

/** Allows everything. Has no text, and stands alone on a token. */
export const rootPolicyName = 'root' as PolicyName;
/** Given to every token unless it is asked for without. Its text may be changed, but it cannot be deleted. */
export const defaultPolicyName = 'default' as PolicyName;
/** What a wrapping token may do. Neither listed nor given to anything else. */
export const responseWrappingPolicyName = 'response-wrapping' as PolicyName;

/** What `default` says until somebody writes another text. */
export const defaultPolicyText = `# What every token may do with itself.

path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}

path "sys/capabilities-self" {
  capabilities = ["update"]
}

# Why a request of the token itself would be allowed or denied.
path "sys/policies/explain" {
  capabilities = ["update"]
}

path "sys/internal/ui/resultant-acl" {
  capabilities = ["read"]
}

# Leases: whoever knows an id may renew the lease and look it up. The second path is the older name.
path "sys/leases/renew" {
  capabilities = ["update"]
}

path "sys/renew" {
  capabilities = ["update"]
}

path "sys/leases/lookup" {
  capabilities = ["update"]
}

# Jobs that the token itself asked for: how far they are, and cancelling them.
path "sys/jobs/+" {
  capabilities = ["read", "delete"]
}

path "sys/jobs" {
  capabilities = ["list"]
}

# Finding and moving secrets: what a token gets by these is decided a secret at a time, by the rules for its paths.
path "sys/secrets/find" {
  capabilities = ["read", "update"]
}

path "sys/secrets/+" {
  capabilities = ["update"]
}

# Each token's own cubbyhole.
path "cubbyhole/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

path "sys/wrapping/wrap" {
  capabilities = ["update"]
}

path "sys/wrapping/lookup" {
  capabilities = ["update"]
}

path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}

path "sys/tools/hash" {
  capabilities = ["update"]
}

path "sys/tools/hash/*" {
  capabilities = ["update"]
}

# Who one is.
path "identity/entity/id/{{identity.entity.id}}" {
  capabilities = ["read"]
}

path "identity/entity/name/{{identity.entity.name}}" {
  capabilities = ["read"]
}

# The status of one's own request for approval.
path "sys/control-group/request" {
  capabilities = ["update"]
}

# One's own requests for approval, and those that one may decide on; deciding takes a policy of its own.
path "sys/approvals" {
  capabilities = ["list"]
}

path "sys/approvals/+" {
  capabilities = ["read", "delete"]
}

# Logging in to other programs through this server.
path "identity/oidc/provider/+/authorize" {
  capabilities = ["read", "update"]
}
`;

export const responseWrappingPolicyText = `path "cubbyhole/response" {
  capabilities = ["create", "read"]
}

path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}
`;
