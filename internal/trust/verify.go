package trust

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// maxSignature bounds the text of a signature, in bytes.
const maxSignature = 8 << 10

// ErrUntrusted is in the error about a file without a signature that anybody trusted has made.
var ErrUntrusted = errors.New("not signed by anyone trusted")

// Verify returns the name of the first file with a key that has made the signature. The signature is base64 text, in which white space
// is no matter. The error is ErrUntrusted; it names the files whose keys would have fitted, and those that could not be read.
func (s *Store) Verify(data, signature []byte) (signer string, err error) {
	raw, err := decode(signature)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	names, err := s.Names()
	if err != nil {
		return "", fmt.Errorf("%w: %v", ErrUntrusted, err)
	}
	digest, now := sha256.Sum256(data), time.Now()
	var notes []string
	for _, name := range names {
		keys, err := s.keys(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // when not removed just now
			notes = append(notes, fmt.Sprintf("%s cannot be used: %v", name, err))
		}
		for _, k := range keys {
			if !k.made(raw, data, digest[:]) {
				continue
			}
			why := k.unfit(now)
			if why == "" {
				return name, nil
			}
			notes = append(notes, fmt.Sprintf("%s would have fitted, but %s", name, why))
		}
	}
	if names == nil {
		notes = []string{"no key is trusted"}
	}
	return "", untrusted(notes)
}

func untrusted(notes []string) error {
	if notes == nil {
		return ErrUntrusted
	}
	return fmt.Errorf("%w: %s", ErrUntrusted, strings.Join(notes, "; "))
}

// keys returns the keys of a file of the store.
func (s *Store) keys(name string) ([]key, error) {
	data, err := s.Read(name)
	if err != nil {
		return nil, err
	}
	return parse(data)
}

// decode reads the text of a signature.
func decode(signature []byte) ([]byte, error) {
	if len(signature) > maxSignature {
		return nil, fmt.Errorf("the signature has more than %d bytes", maxSignature)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(string(signature)), ""))
	if err != nil {
		return nil, fmt.Errorf("the signature is not base64: %w", err)
	}
	if len(raw) == 0 {
		return nil, errors.New("the signature is empty")
	}
	return raw, nil
}

// ReadSigned returns the content of a file that the signature in path.sig is of. An *fs.PathError is about the file itself, any other
// error refuses it; it is ErrUntrusted when the signature is not there or does not fit.
func (s *Store) ReadSigned(path string) ([]byte, error) {
	data, err := readFile(path, maxSigned, false)
	if err != nil {
		return nil, err
	}
	signature, err := readFile(path+".sig", maxSignature, false)
	if err != nil { // not wrapped: that the signature does not exist does not mean that the file does not
		return nil, fmt.Errorf("%s: %w: %v", path, ErrUntrusted, err)
	}
	if _, err := s.Verify(data, signature); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}
