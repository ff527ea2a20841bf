# Sourced by the scripts beside it: enters the project's folder and prepares .venv there.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
bin=.venv/bin

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 2
}

find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3 python3.11 python3.12 python3.13 python3.14; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    fail "needs Python 3.11 or newer, and found none (on Debian 12: apt-get install python3)"
}

# Debian keeps ensurepip, which venv needs, in a package of its own.
need_ensurepip() {
    local python=$1 package
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then return; fi
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "$(basename "$0"): installing $package" >&2
        (apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package"
        ) >/dev/null || fail "could not install $package"
    else
        fail "$python cannot make a virtual environment: install $package (as root: apt-get install $package)"
    fi
}

# environment [EXTRA...]: the project (editable) with these extras, as pinned in constraints.txt.
# Installs only what is new since the last time: an extra's stamp holds what it was installed from.
environment() {
    local now python extra missing=()
    if ! "$bin/python" -m pip --version >/dev/null 2>&1; then
        python=$(find_python)
        need_ensurepip "$python"
        "$python" -m venv --clear .venv || fail "$python could not make the virtual environment .venv"
    fi
    now=$(cat pyproject.toml constraints.txt | cksum)
    for extra in core "$@"; do
        [ "$(cat ".venv/stamp-$extra" 2>/dev/null)" = "$now" ] || missing+=("$extra")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "$(basename "$0"): installing into .venv (${missing[*]}) ..." >&2
    # The build backend is pinned too: an isolated build would fetch the newest one.
    "$bin/python" -m pip install -q -c constraints.txt hatchling
    extra=$(IFS=, && echo "$*")
    "$bin/python" -m pip install -q -c constraints.txt --no-build-isolation -e ".${extra:+[$extra]}"
    for extra in "${missing[@]}"; do echo "$now" >".venv/stamp-$extra"; done
}
