#!/bin/bash
# chunk.sh - what a sample costs in a chunk, at the sizes that matter.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/build.sh release chunk_bench >&2
for samples in 30 120 480; do
    build/release/chunk_bench "$samples" 128
done
