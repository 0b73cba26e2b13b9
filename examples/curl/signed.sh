#!/usr/bin/env bash
# Call one action with curl and openssl, signed by ACS3-HMAC-SHA256. Parameters are written as they
# stand in a form: percent-encoded.
#
#   LOOKALIKE_URL=http://127.0.0.1:8000 LOOKALIKE_KEY_ID=… LOOKALIKE_KEY_SECRET=… \
#     ./signed.sh Detail 'InstanceName=demo'
set -euo pipefail
action=$1 body=$2
host=${LOOKALIKE_URL#*://} host=${host%%/*}
digest() { openssl dgst -sha256 -hex "$@" | sed 's/^.*= //'; }

type=application/x-www-form-urlencoded
date=$(date -u +%Y-%m-%dT%H:%M:%SZ)
nonce=$(openssl rand -hex 16)
hash=$(printf %s "$body" | digest)
names='content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce'
names="$names;x-acs-version"
canonical="POST
/

content-type:$type
host:$host
x-acs-action:$action
x-acs-content-sha256:$hash
x-acs-date:$date
x-acs-signature-nonce:$nonce
x-acs-version:2020-12-14

$names
$hash"
to_sign=$(printf 'ACS3-HMAC-SHA256\n%s' "$(printf %s "$canonical" | digest)")
signature=$(printf %s "$to_sign" | digest -hmac "$LOOKALIKE_KEY_SECRET")
claim="Credential=$LOOKALIKE_KEY_ID,SignedHeaders=$names,Signature=$signature"

curl --silent --show-error --fail-with-body "$LOOKALIKE_URL/" --data-binary "$body" \
  --header "content-type: $type" \
  --header "x-acs-action: $action" \
  --header "x-acs-content-sha256: $hash" \
  --header "x-acs-date: $date" \
  --header "x-acs-signature-nonce: $nonce" \
  --header 'x-acs-version: 2020-12-14' \
  --header "Authorization: ACS3-HMAC-SHA256 $claim"
echo
