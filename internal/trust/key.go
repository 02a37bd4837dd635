package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// The sizes of RSA keys that are used, in bits: a smaller one can be broken, a larger one takes its time.
const minRSA, maxRSA = 2048, 16384

// key is a public key of a file.
type key struct {
	public      any
	certificate *x509.Certificate // that it is from; nil for a bare key
}

// parse reads a file of the store: certificates and public keys, at least one of them, and nothing else. Text around them is no matter.
func parse(data []byte) (keys []key, err error) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		k, err := parseBlock(block)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if keys == nil {
		return nil, errors.New("neither a certificate nor a public key in PEM form")
	}
	return keys, nil
}

func parseBlock(block *pem.Block) (k key, err error) {
	switch block.Type {
	case "CERTIFICATE":
		if k.certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			k.public = k.certificate.PublicKey
		}
	case "PUBLIC KEY":
		k.public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		k.public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		err = fmt.Errorf("a %q is neither a certificate nor a public key", block.Type)
	}
	return k, err
}

// made reports whether a signature of data was made with the private key; digest is the SHA-256 of data.
func (k key) made(signature, data, digest []byte) bool {
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return public.N.BitLen() <= maxRSA && rsa.VerifyPSS(public, crypto.SHA256, digest, signature, nil) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(public, digest, signature)
	case ed25519.PublicKey:
		return ed25519.Verify(public, data, signature)
	}
	return false // a kind that makes no signatures we know
}

// unfit returns why a key may not be used, "" when it may.
func (k key) unfit(now time.Time) string {
	if public, ok := k.public.(*rsa.PublicKey); ok && public.N.BitLen() < minRSA {
		return fmt.Sprintf("its RSA key has %d bits only", public.N.BitLen())
	}
	switch {
	case k.certificate == nil:
		return ""
	case now.After(k.certificate.NotAfter):
		return "the certificate has expired at " + k.certificate.NotAfter.UTC().Format(time.RFC3339)
	case now.Before(k.certificate.NotBefore):
		return "the certificate is not valid before " + k.certificate.NotBefore.UTC().Format(time.RFC3339)
	}
	return ""
}
