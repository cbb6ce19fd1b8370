#!/bin/bash
# Cargo calls this instead of rustc (see .cargo/config.toml). The generated AWS
# SDK crates hold over a million lines of which a program calls a small part;
# `hint-mostly-unused` puts their code generation off until something uses it,
# which halves their compile time and memory. Cargo has the hint on its nightly
# channel only, hence RUSTC_BOOTSTRAP, for these crates alone. The build passes
# without this file too, only slower.
case " $* " in
*" --crate-name aws_sdk_"*) RUSTC_BOOTSTRAP=1 exec "$@" -Zhint-mostly-unused ;;
*) exec "$@" ;;
esac
