#!/usr/bin/env bash
# Write constraints.txt: the exact versions that a fresh environment gets today for `.[dev,blueapi]`.
#
# Reads no old constraints and leaves .venv alone; `make` installs the new versions when it next runs. The oldest Python
# that is supported finds them, for a newer one takes releases that the oldest cannot have: some of them refuse even its
# first patch releases.
set -euo pipefail
cd "$(dirname "$0")/.."

oldest="3.11.2" # of Debian 12
if ! .venv/bin/python -c "import sys; sys.exit('.'.join(map(str, sys.version_info[:3])) != '$oldest')"; then
    echo "constraints: .venv has $(.venv/bin/python --version), and Python $oldest is needed: make constraints PYTHON=/usr/bin/python3 on Debian 12" >&2
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
