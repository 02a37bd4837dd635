// Package trust keeps the certificates and public keys whose signatures a node believes, and checks files against them.
//
// The store is a directory of PEM files, which only the user of the daemon (or root) may write. A signature is detached: FILE.sig beside
// FILE holds the base64 of an RSA-PSS (SHA-256), ECDSA (ASN.1, SHA-256) or Ed25519 signature. Every key in every file of the store is
// trusted equally, for any file: a signature tells neither the name of what was signed nor when. No chain is followed: a certificate
// stands for its own key and for nothing that it has signed.
//
// It guarantees that what ReadSigned returns are the very bytes that were verified, that expired and weak keys verify nothing, that no
// private key is kept, and that a file of the store is either the old one or the new one, whatever happens in between. All methods may be
// called from any goroutine. It never asks the network, and it caches nothing: what was removed is not trusted any more.
package trust
