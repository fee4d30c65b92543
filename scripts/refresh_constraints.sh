#!/usr/bin/env bash
# Write constraints.txt: the exact versions that a fresh environment gets today for `.[dev,blueapi]`.
#
# Reads no old constraints and leaves .venv alone; `make` installs the new versions when it next runs. The oldest Python
# finds them, because a newer one would take releases that the oldest cannot have.
set -euo pipefail
cd "$(dirname "$0")/.."

oldest=$(sed -n 's/^requires-python = ">=\(.*\)"$/\1/p' pyproject.toml)
if [ "$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" != "$oldest" ]; then
    echo "constraints: .venv is not of Python $oldest, the oldest: make constraints PYTHON=python$oldest" >&2
    exit 1
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Without pip of its own, so that a listed setuptools is one that a package asked for.
.venv/bin/python -m venv --without-pip "$folder/venv"
pip=(.venv/bin/python -m pip --python "$folder/venv/bin/python" --disable-pip-version-check)
echo "constraints: installing .[dev,blueapi] into an empty environment"
"${pip[@]}" install --quiet --editable '.[dev,blueapi]'
"${pip[@]}" freeze --all --exclude-editable | LC_ALL=C sort --ignore-case >"$folder/frozen"
if grep -vE '^[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+$' "$folder/frozen"; then
    echo "constraints: the lines above are not name==version; constraints.txt is left as it was" >&2
    exit 1
fi
{
    echo "# Exact versions of everything that .[dev,blueapi] needs, written by \`make constraints\`."
    cat "$folder/frozen"
} >"$folder/constraints"
cp "$folder/constraints" constraints.txt
echo "constraints: $(wc -l <"$folder/frozen") packages"
