#!/bin/bash
# Inside the build root: from the sources and what build/recipe.sh prepared to OUT/sallyport, its facts and its
# provenance. Usage: build/assemble.sh SOURCE SCRATCH OUT
#
# The result does not depend on these folders, the time, the user, the umask, the time zone or the environment:
# what could differ between two builds is fixed here. scripts/bundle --twin proves it.
#
# PYTHONNODEBUGRANGES: compiled code names lines and no columns. Columns only serve to underline source text, which the
# file does not hold; they are a twentieth of all code, in the file, in memory and at each start.
set -euo pipefail
source_folder="$1" scratch="$2" out="$3"
[ "${ASSEMBLING:-}" ] || exec env -i ASSEMBLING=1 PATH=/usr/local/bin:/usr/bin:/bin HOME="$scratch" LC_ALL=C.UTF-8 TZ=UTC \
    PYTHONHASHSEED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONNODEBUGRANGES=1 SOURCE_DATE_EPOCH=1767225600 /bin/bash "$0" "$@"
umask 022
prepared=/work
python="$prepared/tools/bin/python"
packages="$(echo "$prepared"/runtime/lib/python3*/site-packages)"
tree="$scratch/dist/sallyport"

cd "$source_folder"
rm -rf "$scratch/dist" "$scratch/pyi" "$scratch/about"
mkdir -p "$scratch" "$out"
PYTHONPATH="$packages" WORK="$scratch" MODE=onedir "$prepared/tools/bin/pyinstaller" --noconfirm --log-level WARN \
    --workpath "$scratch/pyi" --distpath "$scratch/dist" airgap-bundle.spec
"$python" build/tree.py "$tree" "$prepared/postgres"
"$python" build/about.py "$prepared/runtime" "$tree" "$tree/_internal/about"
"$python" build/provenance.py inside "$source_folder" "$tree"
"$python" build/pack.py "$prepared/launcher/launcher" "$tree" "$out/sallyport"
"$python" build/weigh.py "$tree" "$out/facts.json"
"$python" build/provenance.py beside "$source_folder" "$tree" "$out/sallyport"
