#!/usr/bin/env bash
# certificates.sh DIR: an authority, and certificates of the API server, of an administrator and of tokens, into DIR.
set -euo pipefail
cd "$1"
quiet() { openssl "$@" >/dev/null 2>&1; }
new_key() { quiet ecparam -name prime256v1 -genkey -noout -out "$1"; }
# certificate NAME SUBJECT EXTENSIONS
certificate() {
  new_key "$1.key"
  quiet req -new -key "$1.key" -subj "$2" -out "$1.csr"
  quiet x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile <(echo "$3") -out "$1.crt"
}
new_key ca.key
quiet req -x509 -new -key ca.key -subj /CN=test-ca -days 3650 -out ca.crt
certificate server /CN=kube-apiserver 'subjectAltName=IP:127.0.0.1,DNS:kubernetes.default.svc
extendedKeyUsage=serverAuth'
certificate admin /O=system:masters/CN=admin 'extendedKeyUsage=clientAuth'
quiet genrsa -out tokens.key 2048
