#!/bin/sh
# Makes the certificates of this folder anew; see README.md.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

authority() { # <file> <common name>
  openssl ecparam -name prime256v1 -genkey -noout -out "$1-key.pem"
  openssl req -x509 -new -key "$1-key.pem" -subj "/CN=$2" -days 36500 -out "$1.pem" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

leaf() { # <file> <authority> <common name> <alternative names> <use> <first day> <last day>
  openssl ecparam -name prime256v1 -genkey -noout -out "$1-key.pem"
  openssl req -new -key "$1-key.pem" -subj "/CN=$3" -out "$work/$1.csr"
  printf 'subjectAltName=%s\nextendedKeyUsage=%s\nbasicConstraints=CA:FALSE\n' "$4" "$5" >"$work/$1.ext"
  : >"$work/index"
  printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index\nnew_certs_dir=%s\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n' \
    "$work" "$work" >"$work/ca.cnf"
  openssl ca -batch -notext -config "$work/ca.cnf" -cert "$2.pem" -keyfile "$2-key.pem" -in "$work/$1.csr" \
    -extfile "$work/$1.ext" -startdate "$6" -enddate "$7" -out "$1.pem"
}

names=DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1
from=20200101000000Z
to=21200101000000Z
authority ca 'bpflow test CA'
authority other-ca 'Another test CA'
leaf server ca localhost "$names" serverAuth "$from" "$to"
leaf server-renewed ca localhost "$names" serverAuth "$from" "$to"
leaf server-elsewhere ca elsewhere.example DNS:elsewhere.example,DNS:www.elsewhere.example serverAuth "$from" "$to"
leaf server-expired ca localhost "$names" serverAuth "$from" 20210101000000Z
leaf server-future ca localhost "$names" serverAuth 21190101000000Z "$to"
leaf client ca 'test client' DNS:client.example clientAuth "$from" "$to"
leaf client-expired ca 'test client' DNS:client.example clientAuth "$from" 20210101000000Z
leaf client-foreign other-ca 'foreign client' DNS:client.example clientAuth "$from" "$to"
