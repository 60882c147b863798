#!/bin/sh
# Takes out of node_modules what the apps in the image never load; run by the Dockerfile after `npm prune`.
set -eu
cd "${0%/*}/../../node_modules"
# npm keeps optional peers of what stays: the compiler and Prisma's command line.
rm -rf typescript prisma effect react react-dom elkjs @electric-sql
for name in studio-core dev engines engines-version fetch-engine get-platform query-plan-executor streams-local config; do rm -rf "@prisma/$name"; done
# Query compilers of other databases, and the same again for other module systems and runtimes.
find @prisma/client/runtime -name 'query_compiler_*' ! -name 'query_compiler_fast_bg.postgresql.*' -exec rm -f {} +
find @prisma/client/runtime -name 'wasm-compiler-edge*' -exec rm -f {} +
# What only editors and bundlers read. Our own source maps stay: they make stacks readable.
find . -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name '*.md' \) -exec rm -f {} +
