#!/usr/bin/env bash
# Installs the build to a folder of its own and uses it as a stranger does: through pkg-config and through CMake,
# shared and static, from C and (where there is a compiler) from C++.
# Arguments: build folder, C compiler, cmake, generator.
set -euo pipefail
build=$1 cc=$2 cmake=$3 generator=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '== %s\n' "$*"; }
fail() {
  printf '%s\n' "$*"
  exit 1
}

# Runs a program, and checks that it needs our shared libraries under their SONAMEs, or not at all.
needed() { readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }
run_shared() {
  LD_LIBRARY_PATH=$libdir "$1"
  case $(needed "$1") in *libdnn.so.0.1* | *libdnn_io.so.0.1*) ;; *) fail "$1 does not need libdnn.so.0.1" ;; esac
}
run_static() {
  env -u LD_LIBRARY_PATH "$1"
  case $(needed "$1") in *libdnn*) fail "$1 needs a shared libdnn" ;; esac
}

say "install, and move the tree: nothing may remember where it was installed"
"$cmake" --install "$build" --prefix "$work/first" >/dev/null
found=$(cd "$work/first/share/gdb/auto-load$work/first" && find . -name 'libdnn.so.*-gdb.py')
[ -f "$work/first/${found%-gdb.py}" ] || fail "gdb's printers ($found) lie beside no library"
mv "$work/first" "$work/prefix"
libdir=$(dirname "$(find "$work/prefix" -name libdnn.so)")
export PKG_CONFIG_PATH=$libdir/pkgconfig
if grep -rIl -e "$build" -e "$work" "$work/prefix"; then fail "paths of this machine are installed"; fi

modules=dnn
[ -f "$libdir/pkgconfig/dnn_io.pc" ] && modules="dnn dnn_io"
pkg-config --print-errors --exists $modules

say "pkg-config, shared"
"$cc" -std=c99 -Wall -Wextra -Werror "$here/program.c" $(pkg-config --cflags --libs dnn) -o "$work/shared"
run_shared "$work/shared"

say "pkg-config, static"
static=$(pkg-config --static --cflags --libs dnn | sed 's/-ldnn\b/-l:libdnn.a/')
"$cc" "$here/program.c" $static -o "$work/static"
run_static "$work/static"

if [ "$modules" != dnn ]; then
  say "pkg-config, dnn_io, shared and static"
  "$cc" "$here/program_io.c" $(pkg-config --cflags --libs dnn_io) -o "$work/shared_io"
  run_shared "$work/shared_io"
  static=$(pkg-config --static --cflags --libs dnn_io | sed 's/-ldnn\(_io\)\?\b/-l:libdnn\1.a/g')
  "$cc" "$here/program_io.c" $static -o "$work/static_io"
  run_static "$work/static_io"
fi

languages=C
command -v c++ >/dev/null && [ -f "$work/prefix/include/dnn/dnn.hpp" ] && languages="C;CXX"
say "CMake, shared and static ($languages)"
"$cmake" -G "$generator" -S "$here/cmake_project" -B "$work/cmake" -DCMAKE_C_COMPILER="$cc" \
  -DCMAKE_PREFIX_PATH="$work/prefix" -DLANGUAGES="$languages" >/dev/null
"$cmake" --build "$work/cmake" >/dev/null
for program in "$work"/cmake/*_shared; do run_shared "$program"; done
for program in "$work"/cmake/*_static; do run_static "$program"; done
say "all good"
