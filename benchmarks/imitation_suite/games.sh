#!/bin/sh
# Install the games of `agp bench imitate` from Debian, and what they need. The benchmark itself downloads those of
# the npm registry, which run in Chromium.
set -eu
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo"
$as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y --no-install-recommends \
    xvfb python3-pygame pyracerz solarwolf chromium npm "$@"
