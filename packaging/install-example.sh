#!/bin/sh
# install-example.sh FILE FOLDER: the example becomes the configuration where there is none; an operator's own is left alone.
set -eu
folder="${DESTDIR:-}$2"
if [ -e "$folder/dcmf.yaml" ]; then
  echo "$folder/dcmf.yaml is kept as it is"
else
  install -D -m 644 "$1" "$folder/dcmf.yaml"
fi
