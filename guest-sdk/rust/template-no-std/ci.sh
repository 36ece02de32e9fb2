#!/bin/sh
# What CI runs, with rustup and `bureaucrat` on the PATH: a pinned toolchain, build, tests.
set -eu
export RUSTUP_TOOLCHAIN=1.95.0
rustup toolchain install "$RUSTUP_TOOLCHAIN" --profile minimal --target wasm32-unknown-unknown
make
make test
