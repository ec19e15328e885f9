#!/usr/bin/env bash
# Looks for known vulnerabilities in a lock and in torch: status 1 where there are some. A service of
# advisories that cannot be reached is said and is no failure: a build must not depend on it.
set -euo pipefail
uv=$1 lock=$2 torch=$3
unreachable='ConnectionError|ConnectTimeout|ServiceError|Max retries|Failed to fetch|dns error'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Which torch pip takes is up to the build at hand: here the newest of the range. What a CUDA build
# brings along is pinned nowhere and not looked at.
sed -nE 's/^torch>=.*,<=(.+)$/torch==\1/p' "$torch" > "$folder/torch.txt"
test -s "$folder/torch.txt" || { echo "audit: $torch names no newest torch"; exit 1; }

look() {
    local log=$folder/log unknown
    if "$uv" tool run --from "pip-audit==2.10.1" pip-audit --requirement "$1" "$2" \
        --disable-pip --progress-spinner off 2>&1 | tee "$log"; then
        unknown=$(grep -c "could not be audited" "$log" || true)
        if [ "$unknown" -gt 0 ]; then
            echo "audit: of $unknown packages nothing could be learnt from here"
        fi
        return 0
    fi
    if grep -qE "vulnerabilit(y|ies) in" "$log"; then
        return 1
    fi
    if grep -qiE "$unreachable" "$log"; then
        echo "audit: not done, the tool or the advisories cannot be reached from here"
        return 0
    fi
    return 1
}

status=0
look "$lock" --require-hashes || status=1
look "$folder/torch.txt" --no-deps || status=1
exit "$status"
