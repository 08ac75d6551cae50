#!/bin/bash
# Inside the build root: from the packages in /wheels to what build/assemble.sh needs, in /work.
# Called by scripts/bundle. Only what changed is made again.
set -euo pipefail
export PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp LC_ALL=C.UTF-8 TZ=UTC PYTHONHASHSEED=1 PYTHONDONTWRITEBYTECODE=1
export SOURCE_DATE_EPOCH=1767225600 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1
umask 022
work=/work
mkdir -p "$work"

# once NAME FILE...: whether the step NAME must run again because one of the files changed
stale() {
    local stamp="$work/.$1.sha256"; shift
    want="$(cat "$@" /src/build/recipe.sh | sha256sum | cut -d' ' -f1)"
    [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$want" ]
}
done_with() { printf '%s' "$want" >"$work/.$1.sha256"; }


# install ENVIRONMENT LOCK...: hash-checked, from the downloaded files only
install() {
    local target="$work/$1" lock; shift
    rm -rf "$target"
    python3 -m venv "$target"
    for lock in "$@"; do
        "$target/bin/pip" install -qq --no-index --find-links /wheels --no-deps --require-hashes -r "/src/build/$lock.txt"
    done
}

if stale runtime /src/build/runtime.txt; then install runtime runtime; done_with runtime; fi
if stale tools /src/build/bundle.txt; then install tools bundle; done_with tools; fi
if stale postgres /src/build/postgres.txt /src/build/postgres.py; then
    install postgres-package postgres
    rm -rf "$work/postgres"
    "$work/postgres-package/bin/python" /src/build/postgres.py "$work/postgres"
    done_with postgres
fi

# PyInstaller's bootloader, asking for a loader whose path is filled in when the tree is unpacked
if stale bootloader /src/build/bundle.txt; then
    rm -rf "$work/pyinstaller"
    mkdir "$work/pyinstaller"
    tar -xzf /wheels/pyinstaller-*.tar.gz -C "$work/pyinstaller" --strip-components=1
    placeholder="$("$work/tools/bin/python" /src/build/pack.py --placeholder)"
    (
        cd "$work/pyinstaller/bootloader"
        LINKFLAGS="-Wl,--dynamic-linker=$placeholder -Wl,--disable-new-dtags -Wl,-rpath,\$ORIGIN/_internal" \
            python3 ./waf --gcc --static-zlib --no-tests configure all >"$work/bootloader.log" 2>&1 ||
            { tail -n 30 "$work/bootloader.log" >&2; exit 1; }
    )
    cp "$work"/pyinstaller/PyInstaller/bootloader/Linux-*/run "$work"/tools/lib/python3*/site-packages/PyInstaller/bootloader/Linux-*/run
    done_with bootloader
fi

# The launcher: static, with the decoder that zstd's own sources generate as one file
if stale launcher /src/build/launcher/*; then
    rm -rf "$work/launcher"
    mkdir "$work/launcher"
    tar -xJf /sources/libzstd_*.orig.tar.xz -C "$work/launcher" --strip-components=1
    (
        cd "$work/launcher/build/single_file_libs"
        python3 combine.py -r ../../lib -x legacy/zstd_legacy.h -o "$work/launcher/zstd.c" zstddeclib-in.c >/dev/null
        cd /src/build/launcher
        musl-gcc -std=c11 -O2 -DNDEBUG -w -c "$work/launcher/zstd.c" -o "$work/launcher/zstd.o"
        musl-gcc -std=c11 -O2 -funroll-loops -Wall -Wextra -Werror -static -s -Wl,--build-id=none -Wl,--gc-sections -ffunction-sections \
            -o "$work/launcher/launcher" launcher.c base.c tree.c sha256.c "$work/launcher/zstd.o"
    )
    done_with launcher
fi
