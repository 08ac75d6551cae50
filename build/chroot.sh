#!/bin/bash
# Make a Debian trixie root folder to build in: its Python 3.13, glibc and compilers make the bundle the same on
# every build host. Usage: build/chroot.sh FOLDER. The mirror comes from this host's own apt settings, or from
# DEBIAN_MIRROR (and DEBIAN_SECURITY) where the host is not Debian.
set -euo pipefail
root="$1"
suite=trixie
packages=python3,python3-venv,libpython3.13,gcc,libc6-dev,zlib1g-dev,musl-tools,patchelf,zstd,binutils,xz-utils,ca-certificates,libpq5
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The host's repository with label $1, as its package tool resolved it
host_repository() {
    apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed -n "s/^$1|//p" | head -n 1
}

mirror="${DEBIAN_MIRROR:-$(host_repository Debian)}"
security="${DEBIAN_SECURITY:-$(host_repository Debian-Security)}"
[ -n "$mirror" ] || { echo "no Debian mirror in this host's apt settings: set DEBIAN_MIRROR" >&2; exit 1; }
options=()
[ -f "$keyring" ] && options=(--keyring="$keyring")

rm -rf --one-file-system "$root" "$root.partial"
mkdir -p "$root.partial"
debootstrap --variant=minbase "${options[@]}" --include="$packages" "$suite" "$root.partial" "$mirror"
apt-config dump Acquire | grep -v '^Acquire::IndexTargets\|^Acquire::Changelogs\|^Acquire::Languages' >"$root.partial/etc/apt/apt.conf.d/99host" || true
{
    echo "deb $mirror $suite main"
    echo "deb-src $mirror $suite main"
    [ -z "$security" ] || echo "deb $security $suite-security main"
} >"$root.partial/etc/apt/sources.list"
chroot "$root.partial" env DEBIAN_FRONTEND=noninteractive sh -ec '
    apt-get update -qq
    apt-get upgrade -qq -y --no-install-recommends
    mkdir -p /sources && cd /sources
    apt-get source -qq --download-only libzstd
    apt-get clean
' >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; exit 1; }
mv "$root.partial" "$root"
