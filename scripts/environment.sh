#!/usr/bin/env bash
# Make `.venv` and install beamwright into it, editable, with the versions of constraints.txt.
#
# The argument names the extras, `dev` without one; what another call installed stays.
#
# Works where only Python and make are installed: Debian's Python comes without ensurepip, so pip is then taken
# from the system's own pip or virtualenv, or (as root) from the package python3-venv.
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

extras=${1:-dev}
names=${PYTHON:-python3.11 python3 python3.12 python3.13 python3.14}

say() { echo "environment: $*"; }

quietly() { # run a command; show what it printed only if it fails
    if ! "$@" >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        say "failed: $*" >&2
        return 1
    fi
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

candidates() { # interpreters that are new enough, those that can make an environment by themselves first
    local found=() command name
    for command in $names; do
        # A version manager's shim may hide the system's interpreter of the same name, and not run itself.
        while read -r name; do
            if new_enough "$name"; then found+=("$name"); fi
        done < <(type -aP "$command" || true)
    done
    for name in "${found[@]}"; do if "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then echo "$name"; fi; done
    for name in "${found[@]}"; do if ! "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then echo "$name"; fi; done
}

with_ensurepip() { "$1" -c 'import ensurepip' 2>"$log" && "$1" -m venv --clear .venv >"$log" 2>&1; }

with_system_pip() {
    "$1" -m pip --version >"$log" 2>&1 &&
        "$1" -m venv --clear --without-pip .venv >"$log" 2>&1 &&
        "$1" -m pip --python .venv/bin/python --disable-pip-version-check install pip >"$log" 2>&1
}

with_virtualenv() { "$1" -m virtualenv --clear .venv >"$log" 2>&1; }

with_debian_package() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
    say "installing the package python3-venv"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update && apt-get install --yes --no-install-recommends python3-venv; } >"$log" 2>&1 </dev/null || return 1
    local python
    for python in $(candidates); do if with_ensurepip "$python"; then return 0; fi; done
    return 1
}

has_browser() { # the same places that the tests look at
    local name
    if [ -n "${BEAMWRIGHT_CHROMIUM:-}" ]; then return 0; fi
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null; then return 0; fi
    done
    compgen -G "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}/chromium-*" >/dev/null
}

with_browser() { # Chromium, where it can be had as a package; tests that need it are skipped without it
    if has_browser; then return 0; fi
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        say "installing the package chromium, which tests look at pages with"
        export DEBIAN_FRONTEND=noninteractive
        if { apt-get update && apt-get install --yes --no-install-recommends chromium fonts-dejavu-core; } >"$log" 2>&1 </dev/null; then return 0; fi
    fi
    say "there is no Chromium: tests that look at pages are skipped (install chromium, or run: .venv/bin/playwright install chromium)"
}

make_environment() {
    local python way
    local -a pythons
    mapfile -t pythons < <(candidates)
    if [ "${#pythons[@]}" -eq 0 ]; then
        say "no Python 3.11 or newer among: $names" >&2
        say "install one, or name it: make PYTHON=path/to/python ..." >&2
        return 1
    fi
    for way in with_ensurepip with_system_pip with_virtualenv; do
        for python in "${pythons[@]}"; do if "$way" "$python"; then return 0; fi; done
    done
    if with_debian_package; then return 0; fi
    rm -rf .venv
    cat "$log" >&2
    say "$(${pythons[0]} --version) is here, but nothing that can put pip into a virtual environment" >&2
    say "install one of: python3-venv, python3-pip, python3-virtualenv; then run make again" >&2
    return 1
}

if ! { [ -x .venv/bin/python ] && new_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
    make_environment
    say "made .venv with $(.venv/bin/python --version)"
fi
pip=(.venv/bin/python -m pip --disable-pip-version-check --no-input install --quiet --constraint constraints.txt)
say "installing what beamwright and its tests need (a minute or two the first time)"
quietly "${pip[@]}" hatchling editables
quietly "${pip[@]}" --no-build-isolation --editable ".[$extras]"
if [[ ",$extras," == *,dev,* ]]; then with_browser; fi
say "ready"
