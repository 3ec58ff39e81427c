#!/bin/sh
# The display tests need a real X server, and the games that are named. Install what is missing where we
# may; otherwise say what to type.
set -u
missing=""
PATH="$PATH:/usr/games"
for tool in Xvfb xdotool ffmpeg tmux "$@"; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $(echo "$tool" | tr 'X' 'x')"
done
[ -z "$missing" ] && exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
    echo "Installing$missing for the display tests."
    # shellcheck disable=SC2086
    $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq $missing >/dev/null && exit 0
fi
echo "The tests on a real X server will be skipped: install$missing first, for instance"
echo "    sudo apt-get install$missing"
[ "${AGP_REQUIRE_DISPLAY:-}" = 1 ] && exit 1
exit 0
