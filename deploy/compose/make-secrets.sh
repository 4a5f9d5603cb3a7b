#!/bin/sh
# Makes secrets/ beside this file: a password of the database, once for PostgreSQL and once as the file that Coffer reads it from.
# What is there already stays. An engine of Docker Compose hands files over with the owner and the mode they have here, and Coffer
# refuses a password file that others may read: so it belongs to the image's user, which takes root. Where the engine maps
# users (rootless, or a desktop's), say whom it shall belong to: COFFER_OWNER=$(id -u):$(id -g).
set -eu
umask 077
cd "$(dirname "$0")"
owner=${COFFER_OWNER:-10001:10001}

if [ -e secrets ]; then
  echo "secrets/ is there already; nothing was changed" >&2
  exit 0
fi
if [ "$owner" != "$(id -u):$(id -g)" ] && [ "$(id -u)" != 0 ]; then
  echo "only root can give a file to $owner: say sudo $0, or set COFFER_OWNER" >&2
  exit 1
fi

# Under another name until it is complete.
rm -rf secrets.new
mkdir secrets.new
password=$(od -An -N 32 -t x1 /dev/urandom | tr -d ' \n')
printf '%s' "$password" >secrets.new/postgresql-password
printf '*:*:*:coffer:%s\n' "$password" >secrets.new/pgpass
chown "$owner" secrets.new/pgpass
# For the image's user to come through.
chmod 711 secrets.new
mv secrets.new secrets
echo "made secrets/" >&2
