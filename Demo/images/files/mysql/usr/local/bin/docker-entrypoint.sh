#!/bin/sh
# Initialises the data directory on the first start, as MYSQL_ROOT_PASSWORD, MYSQL_DATABASE, MYSQL_USER and
# MYSQL_PASSWORD say, then becomes the server.
set -eu

data=/var/lib/mysql

quoted() { printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e "s/'/''/g"; }

initialise() {
    if [ -z "${MYSQL_ROOT_PASSWORD:-}${MYSQL_ALLOW_EMPTY_PASSWORD:-}" ]; then
        echo "Database is uninitialized and password option is not specified" >&2
        echo "    You need to specify one of MYSQL_ROOT_PASSWORD, MYSQL_ALLOW_EMPTY_PASSWORD" >&2
        exit 1
    fi
    echo "Initializing database files"
    # What an interrupted first start has left is not used.
    rm -rf "$data"/* "$data"/.[!.]*
    mariadb-install-db --user=mysql --datadir="$data" --skip-test-db --auth-root-authentication-method=normal \
        --skip-name-resolve --force >/tmp/install.log 2>&1 || { cat /tmp/install.log >&2; exit 1; }
    password=$(quoted "${MYSQL_ROOT_PASSWORD:-}")
    {
        # Accounts without a password that the installation makes: root at other names of this host, and anonymous.
        echo "DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');"
        echo "FLUSH PRIVILEGES;"
        echo "ALTER USER 'root'@'localhost' IDENTIFIED BY '$password';"
        echo "CREATE USER 'root'@'%' IDENTIFIED BY '$password';"
        echo "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
        if [ -n "${MYSQL_DATABASE:-}" ]; then
            echo "CREATE DATABASE \`$(printf '%s' "$MYSQL_DATABASE" | sed 's/`/``/g')\`;"
        fi
        if [ -n "${MYSQL_USER:-}" ]; then
            user=$(quoted "$MYSQL_USER")
            echo "CREATE USER '$user'@'%' IDENTIFIED BY '$(quoted "${MYSQL_PASSWORD:-}")';"
            if [ -n "${MYSQL_DATABASE:-}" ]; then
                echo "GRANT ALL ON \`$(printf '%s' "$MYSQL_DATABASE" | sed -e 's/`/``/g' -e 's/_/\\_/g')\`.* TO '$user'@'%';"
            fi
        fi
    } | mariadbd --bootstrap --skip-name-resolve
    touch "$data/.initialised"
    echo "Database files initialized"
}

if [ "${1#-}" != "$1" ]; then set -- mariadbd "$@"; fi
case "$1" in mysqld | mariadbd)
    chown mysql:mysql "$data" /run/mysqld
    if [ ! -e "$data/.initialised" ]; then initialise; fi
    shift
    set -- mariadbd "$@"
    ;;
esac
exec "$@"
