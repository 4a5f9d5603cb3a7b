# What the builds of one repository may read.
path "secret/data/shop/*" {
  capabilities = ["read"]
}
