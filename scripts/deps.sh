# SPDX-License-Identifier: GPL-3.0-or-later
# Builds liburing and wolfSSL from Debian's source packages into build/deps. Sourced by scripts/setup.
# The sources come with apt's own client, from the mirror this machine already uses, and apt checks the
# signatures; lists and downloads stay under build/deps so that the system's own are not touched.

SOURCE_RELEASE=trixie
URING_VERSION_MIN=2.9
WOLFSSL_VERSION_MIN=5.7.2

URING_FLAGS=()
WOLFSSL_FLAGS=(
  --enable-static --disable-shared --disable-examples --disable-crypttests --disable-oldtls
  --enable-tls13 --enable-tlsv12 --enable-aesgcm --enable-sp=yes
  --enable-alpn --enable-sni --enable-session-ticket --enable-altcertchains
  --enable-certgen --enable-certreq --enable-certext --enable-keygen
  --enable-curve25519 --enable-ed25519 --enable-ocsp --enable-ocspstapling
)
# Processor-specific code chooses at run time what the machine has.
case "$(uname -m)" in
  x86_64) WOLFSSL_FLAGS+=(--enable-intelasm --enable-sp-asm) ;;
  aarch64) WOLFSSL_FLAGS+=(--enable-armasm --enable-sp-asm) ;;
esac
DEPS_CFLAGS="-O2 -fPIC -fstack-protector-strong"
# Addresses in certificates count (https://127.0.0.1 upstreams and local certificates).
WOLFSSL_CFLAGS="$DEPS_CFLAGS -DWOLFSSL_IP_ALT_NAME"

# What the stamp must say for build/deps to be current; versions follow it in the file for people.
deps_recipe() {
  printf 'recipe: %s %s %s | %s | %s | %s\n' "$SOURCE_RELEASE" "$(uname -m)" "${URING_FLAGS[*]:-}" \
    "${WOLFSSL_FLAGS[*]}" "$DEPS_CFLAGS" "$WOLFSSL_CFLAGS"
}

deps_are_built() {
  [ -e "$DEPS_DIR/stamp" ] && [ "$(head -n 1 "$DEPS_DIR/stamp")" = "$(deps_recipe)" ]
}

# Prints the Debian archive URIs in this machine's apt settings, in their order, one per line.
# Reads both formats of sources; third-party and security archives are left out.
debian_mirrors() {
  local list parts
  eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
  {
    cat "$list" "$parts"/*.list 2>/dev/null | one_line_sources || true
    local file
    for file in "$parts"/*.sources; do
      if [ -r "$file" ]; then { cat "$file"; echo; } | deb822_sources; fi
    done
  } | awk '!/^cdrom:/ && !seen[$0]++'
}

SUITE_PATTERN='^(bookworm|trixie|forky|sid|oldstable|stable|testing|unstable)$'

one_line_sources() {
  awk -v suite="$SUITE_PATTERN" '
    { sub(/#.*/, "") ; sub(/\[[^]]*\]/, "") }
    $1 ~ /^deb(-src)?$/ && $3 ~ suite {
      for (i = 4; i <= NF; i++) if ($i == "main") { print $2; break }
    }'
}

deb822_sources() {
  awk -v suite="$SUITE_PATTERN" '
    function stanza(  n, i, uris, words, suites_ok, main_ok) {
      n = split(field["suites"], words, " ")
      for (i = 1; i <= n; i++) if (words[i] ~ suite) suites_ok = 1
      n = split(field["components"], words, " ")
      for (i = 1; i <= n; i++) if (words[i] == "main") main_ok = 1
      if (suites_ok && main_ok && tolower(field["enabled"]) !~ /no|false|0|off/) {
        n = split(field["uris"], uris, " ")
        for (i = 1; i <= n; i++) print uris[i]
      }
      split("", field); key = ""
    }
    /^#/ { next }
    /^[ \t]*$/ { stanza(); next }
    /^[ \t]/ { field[key] = field[key] " " $0; next }
    { key = tolower($0); sub(/:.*/, "", key); value = $0; sub(/^[^:]*:/, "", value); field[key] = value }
    END { stanza() }'
}

# An installation older than the source release has a keyring that does not know it yet.
keyring_is_current() { compgen -G "/usr/share/keyrings/debian-archive-$SOURCE_RELEASE-*" >/dev/null; }

archive_keyring() {
  local file
  for file in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
    if [ -e "$file" ]; then echo "$file" && return; fi
  done
  die "Debian's archive keyring is missing, so downloads could not be verified" \
    "apt-get install debian-archive-keyring"
}

private_apt() {
  apt-get -o Dir::Etc::sourcelist="$APT_DIR/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$APT_DIR/lists" -o Dir::Cache="$APT_DIR/cache" \
    -o Dir::Cache::archives="$APT_DIR/cache/archives" -q "$@"
}

# Signature failures are warnings to apt-get update, but then it keeps no list: --error-on=any says so.
update_from() {
  printf 'deb-src [signed-by=%s] %s %s main\n' "$KEYRING" "$1" "$SOURCE_RELEASE" >"$APT_DIR/sources.list"
  private_apt update --error-on=any
}

update_lists() {
  local uri mirrors
  KEYRING="$(archive_keyring)"
  mapfile -t mirrors < <(debian_mirrors)
  [ "${#mirrors[@]}" -gt 0 ] || die "no Debian archive in this machine's apt sources" \
    "add one, or configure with -DENGINE_SYSTEM_DEPS=ON on a system with liburing >= $URING_VERSION_MIN and wolfSSL >= $WOLFSSL_VERSION_MIN"
  for uri in "${mirrors[@]}"; do
    if run_logged "$LOGS/lists.log" "reading Debian $SOURCE_RELEASE's source list" \
      "if a public key is missing, update debian-archive-keyring; else check mirror and network" \
      update_from "$uri"; then return; fi
  done
  die "none of this machine's Debian mirrors gave $SOURCE_RELEASE's source list" "see above"
}

# fetch NAME VERSION_MIN: downloads, checks the version, unpacks with Debian's patches to $APT_DIR/NAME.
fetch() {
  local name="$1" version_min="$2" dsc version
  run_logged "$LOGS/$name-fetch.log" "downloading $name" "check the network and run scripts/setup again" \
    download "$name"
  dsc="$(ls "$APT_DIR/$name"-dl/*.dsc)"
  version="$(sed -n 's/^Version: *//p' "$dsc" | head -n 1)"
  dpkg --compare-versions "$version" ge "$version_min" ||
    die "the mirror has $name $version, but $version_min or newer is needed" "use a current mirror"
  # apt has verified the archive's signature and the checksums; dpkg-source need not look for keys.
  run_logged "$LOGS/$name-unpack.log" "unpacking $name" "run scripts/setup again" \
    dpkg-source --no-check -x "$dsc" "$APT_DIR/$name"
  VERSIONS+=("$name $version")
}

download() {
  mkdir -p "$APT_DIR/$1-dl" && cd "$APT_DIR/$1-dl" && private_apt source --download-only "$1"
}

build_uring() {
  cd "$APT_DIR/liburing" &&
    ./configure --prefix="$STAGE" ${URING_FLAGS[@]+"${URING_FLAGS[@]}"} &&
    make -C src -j "$JOBS" CFLAGS="$DEPS_CFLAGS" ENABLE_SHARED=0 &&
    make -C src install ENABLE_SHARED=0
}

build_wolfssl() {
  cd "$APT_DIR/wolfssl" &&
    { [ -x configure ] || autoreconf -fi; } &&
    ./configure --prefix="$STAGE" --libdir="$STAGE/lib" "${WOLFSSL_FLAGS[@]}" CFLAGS="$WOLFSSL_CFLAGS" &&
    make -j "$JOBS" src/libwolfssl.la &&
    make install-libLTLIBRARIES install-nobase_includeHEADERS &&
    make install-data-am
}

build_deps() {
  local started=$SECONDS
  mkdir -p "$DEPS_DIR"
  exec 9>"$ROOT/build/deps.lock"
  flock 9
  VERSIONS=() APT_DIR="$DEPS_DIR/apt" LOGS="$DEPS_DIR/logs" STAGE="$DEPS_DIR/stage"
  rm -rf "$APT_DIR" "$STAGE"
  mkdir -p "$APT_DIR/lists/partial" "$APT_DIR/cache/archives/partial"
  say "setup: fetching the sources of liburing and wolfSSL (Debian $SOURCE_RELEASE)"
  update_lists
  fetch liburing "$URING_VERSION_MIN"
  fetch wolfssl "$WOLFSSL_VERSION_MIN"
  say "setup: building liburing"
  run_logged "$LOGS/liburing-build.log" "building liburing" "read the log; is g++ usable?" build_uring
  say "setup: building wolfSSL (a minute or two)"
  run_logged "$LOGS/wolfssl-build.log" "building wolfSSL" "read the log; is g++ usable?" build_wolfssl
  install_stage
  say "setup: built $(printf '%s, ' "${VERSIONS[@]}" | sed 's/, $//') in $((SECONDS - started)) s"
}

# Swapped in at the end, so that an interrupted build never leaves half of a library behind.
install_stage() {
  rm -f "$DEPS_DIR/stamp"
  rm -rf "$DEPS_DIR/include" "$DEPS_DIR/lib"
  mv "$STAGE/include" "$STAGE/lib" "$DEPS_DIR/"
  rm -rf "$STAGE" "$APT_DIR" "$DEPS_DIR/lib/pkgconfig"
  { deps_recipe && printf '%s\n' "${VERSIONS[@]}"; } >"$DEPS_DIR/stamp.new"
  mv "$DEPS_DIR/stamp.new" "$DEPS_DIR/stamp"
}
