package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func block(kind string, data []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
}

// publicKey returns the file of a bare key.
func publicKey(t testing.TB, private crypto.Signer) []byte {
	t.Helper()
	data, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return block("PUBLIC KEY", data)
}

// certificate returns the file of a certificate that is valid from one time, relative to now, to the other.
func certificate(t testing.TB, private crypto.Signer, from, to time.Duration) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to)}
	data, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return block("CERTIFICATE", data)
}

// publicKeyX25519 returns the file of a key that agrees on secrets and signs nothing.
func publicKeyX25519(t testing.TB) []byte {
	t.Helper()
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	data, err := x509.MarshalPKIXPublicKey(private.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	return block("PUBLIC KEY", data)
}

// sign returns the text of a signature.
func sign(t testing.TB, private crypto.Signer, data []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(data)
	message, options := digest[:], crypto.SignerOpts(crypto.SHA256)
	switch private.(type) {
	case *rsa.PrivateKey:
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: crypto.SHA256}
	case ed25519.PrivateKey:
		message, options = data, crypto.Hash(0)
	}
	raw, err := private.Sign(rand.Reader, message, options)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(base64.StdEncoding.EncodeToString(raw))
}

func newEd25519(t testing.TB) crypto.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func newECDSA(t testing.TB) crypto.Signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func newRSA(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// TestOpenSSL verifies what openssl has signed: x.sig with the key of x.pem.
func TestOpenSSL(t *testing.T) {
	text := sample(t, "rules.xml")
	keys := []string{"rsa", "pkcs1", "ec384", "ed25519"}
	for _, key := range keys {
		s := open(t)
		if err := s.Write("ops.pem", sample(t, key+".pem")); err != nil {
			t.Fatal(err)
		}
		if signer, err := s.Verify(text, sample(t, key+".sig")); signer != "ops.pem" || err != nil {
			t.Errorf("%s: %q, %v", key, signer, err)
		}
		if signer, err := s.Verify(append(text, '\n'), sample(t, key+".sig")); signer != "" || !errors.Is(err, ErrUntrusted) {
			t.Errorf("%s of another text: %q, %v", key, signer, err)
		}
		for _, other := range keys {
			fits := other == key || key+other == "rsapkcs1" || key+other == "pkcs1rsa" // the same key
			if _, err := s.Verify(text, sample(t, other+".sig")); (err == nil) != fits {
				t.Errorf("the signature %s with the key %s: %v", other, key, err)
			}
		}
	}
}

// TestSignerIsFound looks for the one file of many whose second key has signed.
func TestSignerIsFound(t *testing.T) {
	text, private := []byte("text"), newECDSA(t)
	s := open(t)
	for name, data := range map[string][]byte{
		"a.pem": publicKey(t, newECDSA(t)), "b.pem": certificate(t, newEd25519(t), -time.Hour, time.Hour),
		"c.pem": slices.Concat(publicKey(t, newEd25519(t)), certificate(t, private, -time.Hour, time.Hour)), "d.pem": publicKey(t, newRSA(t, 2048)),
	} {
		if err := s.Write(name, data); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s.dir+"/0.pem", []byte("broken"))
	if signer, err := s.Verify(text, sign(t, private, text)); signer != "c.pem" || err != nil {
		t.Errorf("got %q, %v", signer, err)
	}
	if _, err := s.Verify(text, sign(t, newECDSA(t), text)); err == nil ||
		err.Error() != "not signed by anyone trusted: 0.pem cannot be used: neither a certificate nor a public key in PEM form" {
		t.Errorf("the signature of a stranger: %v", err)
	}
	if err := s.Remove("c.pem"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(text, sign(t, private, text)); !errors.Is(err, ErrUntrusted) {
		t.Errorf("the key is removed: %v", err)
	}
}

// TestKeysThatAreNotUsed has keys that fit.
func TestKeysThatAreNotUsed(t *testing.T) {
	text := []byte("text")
	good, weak := newEd25519(t), newRSA(t, 1024)
	for _, c := range []struct {
		name    string
		private crypto.Signer
		file    []byte
		want    string
	}{
		{"expired", good, certificate(t, good, -2*time.Hour, -time.Hour), "ops.pem would have fitted, but the certificate has expired at 20"},
		{"not yet", good, certificate(t, good, time.Hour, 2*time.Hour), "ops.pem would have fitted, but the certificate is not valid before 20"},
		{"expired, of another", newEd25519(t), certificate(t, good, -2*time.Hour, -time.Hour), ""},
		{"short", weak, publicKey(t, weak), "ops.pem would have fitted, but its RSA key has 1024 bits only"},
		{"short, certified", weak, certificate(t, weak, -time.Hour, time.Hour), "ops.pem would have fitted, but its RSA key has 1024 bits only"},
		{"valid", good, certificate(t, good, -time.Hour, time.Hour), "none"},
		{"expired and renewed", good, slices.Concat(certificate(t, good, -2*time.Hour, -time.Hour), certificate(t, good, -time.Hour, time.Hour)), "none"},
		{"for no signatures", good, publicKeyX25519(t), ""},
	} {
		s := open(t)
		if err := s.Write("ops.pem", c.file); err != nil {
			t.Errorf("%s is not kept: %v", c.name, err)
		}
		signer, err := s.Verify(text, sign(t, c.private, text))
		switch {
		case c.want == "none":
			if signer != "ops.pem" || err != nil {
				t.Errorf("%s: got %q, %v", c.name, signer, err)
			}
		case signer != "" || !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), c.want) || c.want == "" && err != ErrUntrusted:
			t.Errorf("%s: got %q, %v", c.name, signer, err)
		}
	}
}

// TestHugeKey is about a key that would keep a verification busy for minutes.
func TestHugeKey(t *testing.T) {
	n := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 1<<21), big.NewInt(1))
	s := open(t)
	if err := s.Write("huge.pem", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: n, E: 65537}))); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := s.Verify(nil, sample(t, "rsa.sig")); err != ErrUntrusted || time.Since(start) > 5*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
}

func TestTextOfASignature(t *testing.T) {
	s := open(t)
	if _, err := s.Verify(nil, []byte("AAAA")); err == nil || err.Error() != "not signed by anyone trusted: no key is trusted" {
		t.Errorf("got %v", err)
	}
	private := newEd25519(t)
	if err := s.Write("k.pem", publicKey(t, private)); err != nil {
		t.Fatal(err)
	}
	text := sign(t, private, []byte("x"))
	for name, c := range map[string]struct{ text, want string }{
		"white space":  {" " + string(text[:5]) + "\r\n\t" + string(text[5:]) + "\n\n", ""},
		"nothing":      {"", "the signature is empty"},
		"blank":        {" \n", "the signature is empty"},
		"raw":          {"\x01\x02", "the signature is not base64"},
		"cut":          {string(text[:len(text)-1]), "the signature is not base64"},
		"shorter":      {string(text[:80]), "not signed by anyone trusted"},
		"URL alphabet": {strings.Repeat("-_", 44), "the signature is not base64"},
		"too long":     {strings.Repeat(" ", maxSignature) + string(text), "the signature has more than"},
	} {
		_, err := s.Verify([]byte("x"), []byte(c.text))
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadSigned(t *testing.T) {
	s := open(t)
	private := newECDSA(t)
	if err := s.Write("k.pem", publicKey(t, private)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "supervisord.conf")
	refused := func(want string) {
		t.Helper()
		data, err := s.ReadSigned(path)
		var system *fs.PathError
		if data != nil || !errors.Is(err, ErrUntrusted) || errors.As(err, &system) || !strings.HasPrefix(err.Error(), path+": not signed by anyone trusted") ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("got %q, %v", data, err)
		}
	}
	if _, err := s.ReadSigned(path); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrUntrusted) {
		t.Errorf("no file: %v", err)
	}
	put(t, path, []byte("[supervisord]\n"))
	refused(path + ".sig: no such file")
	put(t, path+".sig", sign(t, private, []byte("[supervisord]\n")))
	if data, err := s.ReadSigned(path); err != nil || string(data) != "[supervisord]\n" {
		t.Errorf("got %q, %v", data, err)
	}
	if err := os.Symlink(path, path+".link"); err != nil {
		t.Fatal(err)
	}
	put(t, path+".link.sig", sign(t, private, []byte("[supervisord]\n")))
	if data, err := s.ReadSigned(path + ".link"); err != nil || string(data) != "[supervisord]\n" {
		t.Errorf("got %q, %v", data, err)
	}
	put(t, path, []byte("[supervisord]\nuser=root\n"))
	refused("")
	put(t, path+".sig", bytes.Repeat([]byte("A"), maxSignature+1))
	refused(path + ".sig: over the limit of 8192 bytes")
	put(t, path+".sig", sign(t, newECDSA(t), []byte("[supervisord]\nuser=root\n")))
	refused("")
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	refused("trust store: ")
	var system *fs.PathError
	if _, err := s.ReadSigned(filepath.Dir(path)); !errors.As(err, &system) {
		t.Errorf("a directory: %v", err)
	}
}

// FuzzVerify looks for a file of the store, or a signature, that is taken for what it is not, or makes the parsers fail.
func FuzzVerify(f *testing.F) {
	for _, key := range []string{"rsa", "pkcs1", "ec384", "ed25519"} {
		f.Add(sample(f, key+".pem"), sample(f, key+".sig"))
	}
	private := newECDSA(f)
	f.Add(certificate(f, private, -time.Hour, time.Hour), sign(f, private, sample(f, "rules.xml")))
	f.Add(certificate(f, private, -time.Hour, -time.Minute), []byte("AA=="))
	f.Add(publicKeyX25519(f), []byte(" \n"))
	text, other := sample(f, "rules.xml"), open(f)
	own := newEd25519(f)
	if err := other.Write("own.pem", publicKey(f, own)); err != nil {
		f.Fatal(err)
	}
	s := open(f)
	f.Fuzz(func(t *testing.T, file, signature []byte) {
		put(t, s.dir+"/x.pem", file)
		_, broken := parse(file)
		signer, err := s.Verify(text, signature)
		if (signer == "x.pem") != (err == nil) || err != nil && !errors.Is(err, ErrUntrusted) || err == nil && broken != nil {
			t.Fatalf("got %q, %v; the file: %v", signer, err, broken)
		}
		if signer, err := other.Verify(text, signature); err == nil {
			t.Fatalf("%s has not signed it", signer)
		}
		if wrote := other.Write("x.pem", file); (wrote == nil) != (broken == nil) && !errors.Is(wrote, ErrLimit) {
			t.Fatalf("written: %v, parsed: %v", wrote, broken)
		}
		if err := other.Remove("x.pem"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	})
}
