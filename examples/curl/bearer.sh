#!/usr/bin/env bash
# Add a picture and find it with curl and a key made by `lookalike keys create --bearer`. Over the
# internet, use https only.
#
#   LOOKALIKE_URL=http://127.0.0.1:8000 LOOKALIKE_KEY_ID=… LOOKALIKE_KEY_SECRET=… \
#     ./bearer.sh COLLECTION PICTURE
set -euo pipefail
collection=$1 picture=$2
encoded=$(mktemp)
trap 'rm -f "$encoded"' EXIT
base64 < "$picture" | tr -d '\n' > "$encoded"

call() {
  curl --silent --show-error --fail-with-body "$LOOKALIKE_URL/" \
    --header "Authorization: Bearer $LOOKALIKE_KEY_ID.$LOOKALIKE_KEY_SECRET" \
    --data-urlencode "InstanceName=$collection" "$@"
  echo
}

call --data Action=AddImage --data ProductId=example \
  --data-urlencode "PicName=$(basename "$picture")" --data-urlencode "PicContent@$encoded"
call --data Action=SearchImageByPic --data Num=5 --data-urlencode "PicContent@$encoded"
