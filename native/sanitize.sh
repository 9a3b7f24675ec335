#!/bin/sh
# Builds the kernel with the address and undefined-behaviour sanitizers and runs it on random and hostile input
# (sanitize.cc). Needs a C++ compiler ($CXX, default g++); leaves nothing behind; fails on the first error.
set -eu
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${CXX:-g++}" -std=c++17 -O1 -g -ffp-contract=off -fno-omit-frame-pointer -Wall -Wextra \
  -fsanitize=address,undefined -fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS \
  kernel.cc sort.cc add_up.cc count_lines.cc rasterize.cc open_rows.cc mix.cc picture.cc class_encode.cc class_decode.cc deflate.cc prefix_code.cc sanitize.cc -o "$folder/sanitize"
ASAN_OPTIONS=detect_leaks=0 "$folder/sanitize"
