# Sourced by every script in this folder: where things are kept and how the scripts speak.
# After it the working folder is the root of the repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ -z "${HOME:-}" ]; then
    HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
    export HOME
fi

# Everything that outlives a clone. Several clones may share it at the same time.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/agentsigna
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin

say() { printf '%s\n' "$*"; }
# Ends the script; the message says what was found, what was expected and the next step.
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
# Ends a stage that could not be run. 75 is neither a pass nor a failure; see `stage` in .ci/test.
skip() { printf 'SKIPPED: %s\n' "$*" >&2; [ -z "${SKIP_REASON:-}" ] || printf '%s' "$*" >"$SKIP_REASON"; exit 75; }

# The version of one package in Cargo.lock, or nothing.
locked_version() {
    awk -v name="name = \"$1\"" '$0 == name { getline; gsub(/version = |"/, ""); print; exit }' Cargo.lock
}

# The folder that holds librocksdb.a for this lock file, this compiler and these options, or nothing if the
# lock file has no RocksDB or there is no clang. Whatever changes the bytes of the library is part of the name.
# `.ci/tidy` compares the features with those that the workspace asks for.
rocksdb_features='bindgen-runtime static'
rocksdb_flags=
[ "$(uname -m)" != x86_64 ] || rocksdb_flags=-Ctarget-cpu=x86-64-v2
rocksdb_folder() {
    local version major options
    version=$(locked_version librocksdb-sys)
    [ -n "$version" ] && command -v clang++ >/dev/null || return 0
    major=$(clang++ -dumpversion | cut -d. -f1)
    options=$(printf '%s\n' "$(uname -sm)" "$rocksdb_features" "$rocksdb_flags" | sha256sum | cut -c1-12)
    printf '%s/rocksdb-%s-clang%s-%s' "$cache" "$version" "$major" "$options"
}

# Points cargo at the library if it is there. Without it cargo compiles RocksDB itself, which is slow but works.
use_rocksdb() {
    [ -z "${ROCKSDB_LIB_DIR:-}" ] || return 0
    local folder
    folder=$(rocksdb_folder)
    [ -f "$folder/librocksdb.a" ] || return 0
    export ROCKSDB_LIB_DIR=$folder ROCKSDB_STATIC=1
}
