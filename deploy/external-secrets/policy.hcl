# What the operator needs for the examples beside this file.
path "secret/data/shop/*" {
  capabilities = ["read"]
}
path "secret/metadata/shop/*" {
  capabilities = ["read", "list"]
}

# Only where a PushSecret writes.
path "secret/data/shop-pushed/*" {
  capabilities = ["create", "read", "update", "delete"]
}
path "secret/metadata/shop-pushed/*" {
  capabilities = ["create", "read", "update", "delete"]
}
