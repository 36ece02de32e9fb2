#!/bin/sh
# What CI runs, as root on Debian 12 with `bureaucrat` on the PATH: clang 14, build, tests.
set -eu
apt-get update
apt-get install -y --no-install-recommends clang=1:14.0* lld=1:14.0* make
make
make test
