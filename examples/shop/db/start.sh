#!/bin/sh
# At the first start, makes the shop's user and database in the cluster that Debian's package has made; then runs the server.
set -eu
bin=/usr/lib/postgresql/15/bin
data=/var/lib/postgresql/15/main
settings='-c config_file=/etc/postgresql/15/main/postgresql.conf -c hba_file=/shop/pg_hba.conf -c ssl=off
  -c external_pid_file= -c unix_socket_directories=/tmp -c listen_addresses=*'
if [ ! -e "$data/shop-is-ready" ]; then
  # Without a server: nobody can connect to a database that is half ready. One statement a line; what was cut off is done again.
  password=$(printf %s "$SHOP_PASSWORD" | sed "s/'/''/g")
  "$bin/postgres" --single $settings -D "$data" postgres >/dev/null <<SQL
CREATE ROLE shop LOGIN PASSWORD '$password'
CREATE DATABASE shop OWNER shop TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'
SQL
  touch "$data/shop-is-ready"
fi
exec "$bin/postgres" $settings -D "$data"
