#!/bin/sh
# Puts the unit, its user and a first configuration where systemd looks; what is in /etc/coffer stays as it is. The program itself is to be
# installed before, such as by npm. DESTDIR is for whoever builds packages: then only files are put there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-}
program=${COFFER_PROGRAM:-$(command -v coffer || true)}
if [ -z "$program" ]; then
  echo "coffer is not installed: put it into PATH, or say where it is with COFFER_PROGRAM" >&2
  exit 1
fi
case $program in
  /home/* | /root/* | /run/user/*)
    echo "$program is in a home, which the service cannot see: install coffer for everybody" >&2
    exit 1
    ;;
esac

install -d "$root/etc/systemd/system" "$root/usr/lib/sysusers.d" "$root/etc/coffer"
install -m 0644 "$here/coffer.sysusers" "$root/usr/lib/sysusers.d/coffer.conf"
sed "s|^ExecStart=/usr/bin/coffer |ExecStart=$program |" "$here/coffer.service" >"$root/etc/systemd/system/coffer.service.new"
chmod 0644 "$root/etc/systemd/system/coffer.service.new"
mv "$root/etc/systemd/system/coffer.service.new" "$root/etc/systemd/system/coffer.service"
if [ ! -e "$root/etc/coffer/coffer.toml" ]; then
  install -m 0644 "$here/coffer.toml" "$root/etc/coffer/coffer.toml"
fi
if [ ! -e "$root/etc/coffer/environment" ]; then
  install -m 0600 "$here/environment" "$root/etc/coffer/environment"
fi
if [ -z "$root" ]; then
  systemd-sysusers coffer.conf
  systemctl daemon-reload
fi
