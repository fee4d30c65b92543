#!/usr/bin/env bash
# Write constraints.txt: the exact versions that fresh environments get today for `.[dev,blueapi]`.
#
# Reads no old constraints and leaves .venv alone; `make` installs the new versions when it next runs. The oldest Python
# that is supported comes first, for a newer one takes releases that the oldest cannot have: some refuse even its first
# patch releases. Newer ones then add what they alone need.
set -euo pipefail
cd "$(dirname "$0")/.."

oldest="3.11.2" # of Debian 12
newer=${NEWER:-python3.12 python3.13}
stop() { echo "constraints: $*; constraints.txt is left as it was" >&2 && exit 1; }

[ "$(.venv/bin/python --version)" = "Python $oldest" ] || stop ".venv must be of Python $oldest: PYTHON=/usr/bin/python3 on Debian 12"
for python in $newer; do "$python" --version >/dev/null || stop "$python does not run: NEWER=... names where those are"; done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
touch "$folder/frozen"
for python in .venv/bin/python $newer; do
    echo "constraints: installing .[dev,blueapi] into an empty environment of $("$python" --version)"
    # Its pip stands beside it, so that a listed setuptools is one that a package asked for.
    "$python" -m venv --clear "$folder/tools"
    "$python" -m venv --clear --without-pip "$folder/venv"
    pip=("$folder/tools/bin/python" -m pip --python "$folder/venv/bin/python" --disable-pip-version-check)
    "${pip[@]}" install --quiet --constraint "$folder/frozen" --editable '.[dev,blueapi]'
    "${pip[@]}" freeze --all --exclude-editable | LC_ALL=C sort --ignore-case --unique - "$folder/frozen" >"$folder/more"
    mv "$folder/more" "$folder/frozen"
done
if grep -vE '^[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+$' "$folder/frozen"; then stop "the lines above are not name==version"; fi
{
    echo "# Exact versions of everything that .[dev,blueapi] needs, written by \`make constraints\`."
    cat "$folder/frozen"
} >"$folder/constraints"
cp "$folder/constraints" constraints.txt
echo "constraints: $(wc -l <"$folder/frozen") packages"
