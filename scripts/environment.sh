#!/usr/bin/env bash
# Make `.venv` and install beamwright into it, editable, with the versions of constraints.txt.
#
# The argument names the extras, `dev` without one; what another call installed stays. PYTHON names the interpreter: an
# environment of another one is then made anew. What the commands printed last stands in build/environment.log.
set -euo pipefail
cd "$(dirname "$0")/.."

tested="3.11 3.12 3.13"
extras=${1:-dev}
names=${PYTHON:-python3.11 python3 python3.12 python3.13}
log=build/environment.log
mkdir -p build

say() { echo "environment: $*"; }
stop() { say "$*" >&2 && exit 1; }
quietly() { "$@" >"$log" 2>&1 </dev/null; }

is_tested() { "$1" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] not in '$tested'.split())" </dev/null >/dev/null 2>&1; }
origin() { "$1" -c 'import os, sys; print(sys.version, os.path.realpath(sys.base_prefix))'; }

interpreters() { # a version manager's shim may hide the system's interpreter of the same name, and not run itself
    local name python
    for name in $names; do
        while read -r python; do
            if is_tested "$python"; then echo "$python"; fi
        done < <(type -aP "$name")
    done
}

usable() { # whether .venv can stay: it runs, has pip, and is of an interpreter that PYTHON names
    is_tested .venv/bin/python && quietly .venv/bin/python -m pip --version || return 1
    if [ -z "${PYTHON:-}" ]; then return 0; fi
    local python
    for python in "${pythons[@]}"; do
        if [ "$(origin "$python")" = "$(origin .venv/bin/python)" ]; then return 0; fi
    done
    return 1
}

as_root() { # install Debian packages, which nobody else can
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
    say "installing $*"
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-get update && quietly apt-get install --yes --no-install-recommends "$@" && return 0
    say "apt-get could not install $*: $(tail -n 1 "$log")"
    return 1
}

with_venv() { # Debian's own Python comes without ensurepip, which this needs
    local python
    for python in "${pythons[@]}"; do if quietly "$python" -m venv --clear .venv; then return 0; fi; done
    return 1
}

with_uv() { command -v uv >/dev/null && quietly uv venv --clear --seed --python "${pythons[0]}" .venv; }

has_browser() { # the same places that the tests look at
    if [ -n "${BEAMWRIGHT_CHROMIUM:-}" ]; then return 0; fi
    [ -n "$(type -P chromium chromium-browser google-chrome google-chrome-stable)" ] ||
        compgen -G "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}/chromium-*" >/dev/null
}

mapfile -t pythons < <(interpreters)
if ! usable; then
    [ "${#pythons[@]}" -gt 0 ] || stop "no Python $tested is found as: $names; install one (Debian: apt-get install python3-venv) or name it: make PYTHON=path/to/python"
    if is_tested .venv/bin/python; then say ".venv has $(.venv/bin/python --version), and is made anew"; fi
    with_venv || with_uv || { as_root python3-venv && with_venv; } || {
        rm -rf .venv
        stop "python3-venv or uv is missing, and ${pythons[0]} makes no environment without; root can: apt-get install python3-venv"
    }
    say "made .venv with $(.venv/bin/python --version)"
fi

say "installing what beamwright[$extras] needs (a minute or two the first time)"
if ! quietly .venv/bin/python -m pip --disable-pip-version-check --no-input install --constraint constraints.txt --editable ".[$extras]"; then
    reason=$(sed -n "s/.*connection broken by '\(.*\)': .*/\1/p" "$log" | tail -n 1)
    reason=${reason##*>: } # what pip's objects are, and the quotes around them, help nobody
    reason=${reason%[\"\']*}
    if [ -n "$reason" ]; then stop "packages are missing, and the package index cannot be reached: $reason"; fi
    cat "$log" >&2
    stop "pip could not install .[$extras] with the versions of constraints.txt: see the last lines above"
fi
if [[ ",$extras," == *,dev,* ]] && ! has_browser && ! as_root chromium fonts-dejavu-core; then
    say "Chromium is missing, and tests that look at pages are skipped; root can: apt-get install chromium"
fi
say "ready"
