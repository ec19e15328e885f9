#!/usr/bin/env bash
# Looks for known vulnerabilities in a lock: status 1 where there are some. A service of advisories
# that cannot be reached is said and is no failure: a build must not depend on it.
set -euo pipefail
uv=$1 lock=$2
unreachable='ConnectionError|ConnectTimeout|ServiceError|Max retries|Failed to fetch|dns error'
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if "$uv" tool run --from "pip-audit==2.10.1" pip-audit --requirement "$lock" \
    --require-hashes --disable-pip --progress-spinner off 2>&1 | tee "$log"; then
    unknown=$(grep -c "could not be audited" "$log" || true)
    if [ "$unknown" -gt 0 ]; then
        echo "audit: of $unknown packages nothing could be learnt from here"
    fi
    exit 0
fi
if grep -qE "vulnerabilit(y|ies) in" "$log"; then
    exit 1
fi
if grep -qiE "$unreachable" "$log"; then
    echo "audit: not done, the tool or the advisories cannot be reached from here"
    exit 0
fi
exit 1
