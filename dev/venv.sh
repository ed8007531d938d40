#!/bin/sh
# Makes .venv from the pinned, hashed requirements. Run by `make`; PYTHON may name an interpreter.
set -eu

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if new_enough "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    found=$("${PYTHON:-python3}" --version 2>&1 || true)
    echo "✗ Fairclick needs Python 3.11 or newer (found: $found)." >&2
    echo "  Install one and name it: make PYTHON=/path/to/python3.12 run" >&2
    exit 1
fi

# pip is not needed where uv is; ensurepip is a package of its own on Debian and Ubuntu.
uv=${UV-$(command -v uv || true)}
if [ -z "$uv" ] && ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "✗ $python cannot make virtual environments: its modules venv and ensurepip are missing." >&2
    echo "  On Debian and Ubuntu: apt-get install python$version-venv" >&2
    exit 1
fi

if [ ! -x .venv/bin/python ] || ! new_enough .venv/bin/python; then
    echo "Making .venv with $("$python" --version) …"
    if [ -n "$uv" ]; then
        "$python" -m venv --clear --without-pip .venv
    else
        "$python" -m venv --clear .venv
    fi
fi

echo "Installing the pinned packages …"
if [ -n "$uv" ]; then
    "$uv" pip install --quiet --python .venv/bin/python --require-hashes \
        -r requirements/base.txt -r requirements/dev.txt
else
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r requirements/base.txt -r requirements/dev.txt
fi
