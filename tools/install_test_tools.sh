#!/bin/sh
# Installs what the foreign SOAP clients and the browser tests need. Safe to repeat; quiet when all is there.
# A package is wanted only when its file or command is absent, so tools that came from elsewhere are left alone.
set -eu

missing=""
while read -r needed package; do
    # shellcheck disable=SC2086 # a pattern for the shell
    command -v "$needed" >/dev/null || ls $needed >/dev/null 2>&1 || missing="$missing $package"
done <<'LIST'
chromium chromium
gcc gcc
javac default-jdk-headless
node nodejs
npm npm
perl perl
php php-cli
soapcpp2 gsoap
/etc/php/*/cli/conf.d/20-soap.ini php-soap
/usr/include/stdio.h libc6-dev
/usr/include/stdsoap2.h libgsoap-dev
/usr/share/java/axis.jar libaxis-java
/usr/share/java/jaxws-tools.jar libjaxws-java
/usr/share/perl5/SOAP/Lite.pm libsoap-lite-perl
LIST
[ -z "$missing" ] && exit 0

apt-get update --quiet --quiet
# shellcheck disable=SC2086 # one word per package
DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --quiet --no-install-recommends $missing
