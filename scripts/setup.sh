#!/usr/bin/env bash
# Makes .venv from requirements.lock with uv, and sees to the system's OpenGL libraries. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."
began=$SECONDS

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 2; }

python=$(command -v python3.11 || command -v python3 || true)
[ -n "$python" ] || fail "Python 3.11 is needed. Received: no python3 on the PATH"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[ "$version" = 3.11 ] || fail "Python 3.11 is needed (requirements.lock is for it). Received: Python $version at $python"

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    uv=$PWD/.uv/bin/uv
    if [ ! -x "$uv" ]; then
        say "installing uv with pip into .uv"
        "$python" -m pip install --quiet --disable-pip-version-check --target .uv uv \
            || fail "uv is needed: https://docs.astral.sh/uv says how to install it. Received: pip could not"
    fi
fi

# Rendering wants an EGL driver; Mesa's runs without a GPU and without a display.
if ! ldconfig -p | grep -q 'libEGL\.so\.1' || ! ldconfig -p | grep -qE 'libEGL_(mesa|nvidia)'; then
    packages="libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri"
    root=""
    [ "$(id -u)" = 0 ] || root="sudo -n"
    say "installing $packages"
    if ! { $root apt-get update -qq && $root apt-get install -y -qq $packages; } >/dev/null 2>&1; then
        fail "OpenGL libraries are missing. Run: sudo apt-get install -y $packages"
    fi
fi

say "making .venv from requirements.lock"
[ -x .venv/bin/python ] || "$uv" venv --quiet --python "$python" .venv
export VIRTUAL_ENV=$PWD/.venv
"$uv" pip sync --quiet --require-hashes requirements.lock
"$uv" pip install --quiet --no-deps --editable .
# Byte code is compiled here once, with all cores, instead of by each worker on its first import.
.venv/bin/python -m compileall -q -j 0 .venv/lib/python3.11/site-packages >/dev/null 2>&1 || true
touch .venv/.ready
say "environment ready after $((SECONDS - began)) s"
