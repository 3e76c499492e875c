#!/bin/bash -eu
# Run by ClusterFuzzLite in the image of the Dockerfile: every fuzz target with its seeds and its dictionary goes to $OUT.
# CI here pulls no image and does not build it. CONTRIBUTING.md says how it runs without the image.

cd "$SRC/assay"

# The image has the nightly of its own day, and the workspace needs the Rust of `rust-version` at least. Who has a toolchain
# names it in FUZZ_TOOLCHAIN.
if [ -z "${FUZZ_TOOLCHAIN:-}" ]; then
    FUZZ_TOOLCHAIN=nightly
    rustup toolchain install "$FUZZ_TOOLCHAIN" --profile minimal --component rust-src
fi
export RUSTUP_TOOLCHAIN=$FUZZ_TOOLCHAIN

# Seeds and dictionaries are written by a build without sanitizers, which is not fuzzed.
(
    unset CFLAGS CXXFLAGS RUSTFLAGS
    cargo build --release --package assay-fuzz --bin assay-fuzz --target-dir "$WORK/plain"
)

# Overflow is a finding, too.
cargo fuzz build -O --debug-assertions

# fuzz/ is a member of the workspace: what is built lies in the folder of the workspace.
built=${CARGO_TARGET_DIR:-target}/x86_64-unknown-linux-gnu/release
for file in fuzz/fuzz_targets/*.rs; do
    target=$(basename "$file" .rs)
    cp "$built/$target" "$OUT/"
    "$WORK/plain/release/assay-fuzz" seeds --target "$target" --words "$OUT/$target.dict" "$WORK/seeds/$target"
    # libFuzzer takes an empty dictionary for a mistake.
    [ -s "$OUT/$target.dict" ] || rm "$OUT/$target.dict"
    zip -q -j -r "$OUT/${target}_seed_corpus.zip" "$WORK/seeds/$target"
    # What was found once is tried first.
    if [ -d "fuzz/regressions/$target" ]; then
        zip -q -j -r "$OUT/${target}_seed_corpus.zip" "fuzz/regressions/$target"
    fi
    # SQLite has statics of one name in several functions, which the sanitizer takes for one variable defined twice.
    printf '[libfuzzer]\nmax_len = 16384\ntimeout = 10\n\n[asan]\ndetect_odr_violation = 0\n' > "$OUT/$target.options"
done
