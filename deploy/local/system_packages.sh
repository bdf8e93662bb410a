#!/usr/bin/env bash
# Installs Debian packages when run as root in CI or by root; tells everybody else the one line to run.
set -euo pipefail
if [ "$(id -u)" != 0 ]; then
  echo "missing system packages; run: sudo apt-get install -y --no-install-recommends $*" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@" >/dev/null
