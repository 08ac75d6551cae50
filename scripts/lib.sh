# Shared by the scripts beside it: finds a Python, makes the environment once, repeats only when a lock changed.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"
VENV="${SALLYPORT_VENV:-$ROOT/.venv}"

# workers: how many tests run at once: one a core, at most four, because some of them wait for time to pass
workers() {
    local cores
    cores="$(nproc)"
    printf '%s' "$((cores < 4 ? cores : 4))"
}

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

find_python() {
    local candidate
    for candidate in "${SALLYPORT_PYTHON:-}" python3.13 python3.12 python3.11 python3; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2])' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer is needed (Debian: apt-get install python3 python3-venv)"
}

# install NAME: the packages of build/NAME.txt, verified by hash, into the environment
install_lock() {
    local name="$1"; shift
    local stamp="$VENV/.$name.sha256" want
    want="$(sha256sum "build/$name.txt" | cut -d' ' -f1)"
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
    say "setting up: $name packages (once)"
    "$VENV/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes "$@" -r "build/$name.txt" \
        || die "the packages of build/$name.txt could not be installed; pip's own message stands above"
    printf '%s' "$want" >"$stamp"
}

setup() {
    if [ ! -x "$VENV/bin/python" ]; then
        local python
        python="$(find_python)"
        "$python" -m venv "$VENV" || die "python venv is missing (Debian: apt-get install python3-venv)"
    fi
    local name
    for name in "$@"; do
        case "$name" in
            postgres) install_lock postgres --no-deps ;;
            *) install_lock "$name" ;;
        esac
    done
    export PATH="$VENV/bin:$PATH" PYTHONDONTWRITEBYTECODE="${PYTHONDONTWRITEBYTECODE:-}"
}

# setup_postgres: the embedded PostgreSQL, trimmed into .cache/postgres; repeats only when its lock or recipe changed
setup_postgres() {
    setup postgres
    local stamp=".cache/postgres/.lock.sha256" want
    want="$(cat build/postgres.txt build/postgres.py | sha256sum | cut -d' ' -f1)"
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
    say "setting up: embedded PostgreSQL (once)"
    mkdir -p .cache
    "$VENV/bin/python" build/postgres.py .cache/postgres || die "the embedded PostgreSQL could not be prepared"
}

# setup_tools: what tests look at the system with; without rights to install them those tests say so and are left out
setup_tools() {
    local pair missing=()
    for pair in ip:iproute2 tcpdump:tcpdump strace:strace unshare:util-linux nft:nftables nginx:nginx-light \
        systemd-analyze:systemd gcc:gcc rsyslogd:rsyslog rsyslogd:rsyslog-openssl softhsm2-util:softhsm2 \
        pkcs11-tool:opensc age:age zstd:zstd; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
    done
    [ "${#missing[@]}" = 0 ] && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "setting up: ${missing[*]} (once)"
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && return
        apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && return
    fi
    say "some tests are left out without: ${missing[*]} (Debian: apt-get install ${missing[*]})"
}

# setup_hosts: a Debian older than ours in .cache/hosts, for the one file's tests to run in; made once, only by root
setup_hosts() {
    local release=bullseye mirror
    local root="$ROOT/.cache/hosts/$release"
    [ -x "$root/bin/sh" ] && return
    [ "$(id -u)" = 0 ] && command -v debootstrap >/dev/null && command -v apt-get >/dev/null ||
        { say "the test on Debian $release is left out: it needs root and debootstrap"; return; }
    mirror="${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sed -n 's/^Debian|//p' | head -n 1)}"
    [ -n "$mirror" ] || { say "the test on Debian $release is left out: no mirror in apt's settings"; return; }
    say "setting up: Debian $release (once, about a minute)"
    mkdir -p "$ROOT/.cache/hosts"
    rm -rf --one-file-system "$root" "$root.partial"
    if debootstrap --variant=minbase "$release" "$root.partial" "$mirror" >"$root.out" 2>&1; then
        mv "$root.partial" "$root"
    else
        say "the test on Debian $release is left out: $(tail -n 1 "$root.out")"
    fi
}

# setup_browser: a Chromium for the console's tests; Debian's own, driven by the playwright of the test lock
setup_browser() {
    local name
    for name in "${SALLYPORT_TEST_BROWSER:-chromium}" chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null && return
    done
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "setting up: Chromium (once)"
        apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 && return
        apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 && return
    fi
    say "no Chromium: the browser tests are left out (Debian: apt-get install chromium, or name one in SALLYPORT_TEST_BROWSER)"
}

# setup_conformance: the MCP conformance kit, real clients and servers and a Node for them, into .cache/conformance;
# everything verified by hash. Without npm their tests are left out; `setup_conformance required` stops instead.
setup_conformance() {
    local kit=.cache/conformance stamp=.cache/conformance/.lock.sha256 want text
    want="$(cat build/conformance/* <(grep -A2 '^mcp==' build/test.txt) | sha256sum | cut -d' ' -f1)"
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
    if ! command -v npm >/dev/null; then
        text="npm is missing, so nothing is tested against the MCP conformance kit (Debian: apt-get install npm)"
        [ "${1:-}" = required ] && die "$text"
        say "$text"
        return
    fi
    say "setting up: MCP conformance kit and counterparts (once, about 350 MB)"
    mkdir -p "$kit"
    cp build/conformance/package.json build/conformance/package-lock.json "$kit/"
    (cd "$kit" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) \
        || die "the packages of build/conformance/package-lock.json could not be installed; npm's own message stands above"
    ln -sfn "$(cd "$kit" && echo node_modules/node-linux-*/bin/node)" "$kit/node"
    fetch_everything_server "$kit"
    "$VENV/bin/python" -m venv "$kit/sdk1"
    "$kit/sdk1/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes -r build/conformance/sdk1.txt \
        || die "the packages of build/conformance/sdk1.txt could not be installed; pip's own message stands above"
    printf '%s' "$want" >"$stamp"
}

# setup_clients: the coding agents that developers use, into .cache/clients, verified by hash; without npm their tests
# are left out
setup_clients() {
    local folder=.cache/clients stamp=.cache/clients/.lock.sha256 want machine
    want="$(cat build/clients/* | sha256sum | cut -d' ' -f1)"
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
    if ! command -v npm >/dev/null; then
        say "npm is missing, so no coding agent is run against Sallyport (Debian: apt-get install npm)"
        return
    fi
    say "setting up: Claude Code and Codex (once, about 650 MB)"
    mkdir -p "$folder"
    cp build/clients/package.json build/clients/package-lock.json "$folder/"
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) \
        || die "the packages of build/clients/package-lock.json could not be installed; npm's own message stands above"
    machine="$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')"
    ln -sfn "node_modules/@anthropic-ai/claude-code-linux-$machine/claude" "$folder/claude"
    ln -sfn node_modules/.bin/codex "$folder/codex"
    printf '%s' "$want" >"$stamp"
}

# fetch_everything_server FOLDER: the SDK's example server, which its wheel leaves out, from the source archive of
# the version and hash that build/test.txt holds
fetch_everything_server() {
    local folder="$1/source"
    rm -rf "$folder" "$1/everything-server"
    mkdir -p "$folder"
    awk '/^mcp==/ { ours = 1 } ours { print } ours && !/\\$/ { exit }' build/test.txt >"$folder/mcp.txt"
    "$VENV/bin/python" -m pip download -qq --disable-pip-version-check --require-hashes --no-deps --no-binary :all: \
        -r "$folder/mcp.txt" -d "$folder" || die "the source of the mcp package could not be fetched; pip's own message stands above"
    tar -xzf "$folder"/mcp-*.tar.gz -C "$folder" --strip-components=3 --wildcards '*/examples/servers/everything-server'
    mv "$folder/everything-server" "$1/everything-server"
    rm -rf "$folder"
}

# setup_debian_postgres: PG_BIN, the folder of the newest PostgreSQL that Debian's packages installed
setup_debian_postgres() {
    PG_BIN="${SALLYPORT_TEST_PG_BIN:-$(find_debian_postgres)}"
    if [ -z "$PG_BIN" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "setting up: Debian's PostgreSQL (once)"
        apt-get install -qq -y --no-install-recommends postgresql >/dev/null || { apt-get update -qq && apt-get install -qq -y --no-install-recommends postgresql >/dev/null; }
        PG_BIN="$(find_debian_postgres)"
    fi
    [ -x "$PG_BIN/postgres" ] || die "PostgreSQL from the distribution is missing (Debian: apt-get install postgresql)"
}

find_debian_postgres() {
    local candidate
    for candidate in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5 -rn); do
        [ -x "$candidate/postgres" ] && printf '%s' "$candidate" && return
    done
    return 0
}
