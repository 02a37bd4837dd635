// Package key makes and knows the keys that open the HTTP APIs of a node. Keys are kept nowhere but in the files for the operator: what they
// are made of is, so that they stay the same over restarts. Any goroutine may call it.
package key

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Scope is what a key opens. There is one key for each.
type Scope string

// The scopes of the operator. Their keys are in files, <scope>.key, mode 0600.
const (
	Global Scope = "global" // everything
	Read   Scope = "read"   // all that only looks
)

// Of is the scope of what concerns one application.
func Of(group string) Scope { return app + Scope(group) }

const app = "app:"

// Group returns the application of a scope, "" when it is one of the operator.
func (s Scope) Group() string {
	group, ok := strings.CutPrefix(string(s), app)
	if !ok {
		return ""
	}
	return group
}

// Folder keeps JSON objects over restarts: *journal.Folder. A file that does not exist is an error that is fs.ErrNotExist.
type Folder interface {
	Load(name string, into any) error
	Save(name string, from any) error
}

// file keeps what the keys are made of.
const file = "keys.json"

type saved struct {
	Secret      string        `json:"secret"`      // of the node, hex
	Generations map[Scope]int `json:"generations"` // 0 is not written
}

// Keys are those of a node. A key is the HMAC-SHA-256 of its scope and generation under the secret of the node, in hexadecimal.
type Keys struct {
	folder Folder
	dir    string
	secret []byte

	mu          sync.Mutex
	generations map[Scope]int
	made        map[Scope]string
}

// Open reads the secret of the node, or makes one, and writes the files for the operator into a directory; "" is for none.
func Open(folder Folder, dir string) (*Keys, error) {
	var s saved
	err := folder.Load(file, &s)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keys: %w", err)
	}
	k := &Keys{folder: folder, dir: dir, generations: s.Generations, made: map[Scope]string{}}
	if k.generations == nil {
		k.generations = map[Scope]int{}
	}
	if k.secret, err = hex.DecodeString(s.Secret); err != nil || len(k.secret) != sha256.Size {
		k.secret = make([]byte, sha256.Size)
		rand.Read(k.secret) // never fails
		if err := k.save(k.generations); err != nil {
			return nil, err
		}
	}
	return k, errors.Join(k.show(Global), k.show(Read))
}

func (k *Keys) save(generations map[Scope]int) error {
	if err := k.folder.Save(file, saved{hex.EncodeToString(k.secret), generations}); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// Key returns the key of a scope.
func (k *Keys) Key(s Scope) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.get(s)
}

// get does it; the caller holds mu.
func (k *Keys) get(s Scope) string {
	key, ok := k.made[s]
	if !ok {
		mac := hmac.New(sha256.New, k.secret)
		mac.Write([]byte(string(s) + "\x00" + strconv.Itoa(k.generations[s])))
		key = hex.EncodeToString(mac.Sum(nil))
		k.made[s] = key
	}
	return key
}

// Regenerate makes the key of a scope invalid and returns the next one.
func (k *Keys) Regenerate(s Scope) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := maps.Clone(k.generations)
	next[s]++
	if err := k.save(next); err != nil {
		return "", err
	}
	k.generations = next
	delete(k.made, s)
	return k.get(s), k.show(s)
}

// Find returns the scope of a key among those of the operator and some groups, false when there is none. It compares with all of them,
// whichever fits.
func (k *Keys) Find(key string, groups []string) (found Scope, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	try := func(s Scope) {
		if subtle.ConstantTimeCompare([]byte(key), []byte(k.get(s))) == 1 {
			found, ok = s, true
		}
	}
	try(Global)
	try(Read)
	for _, group := range groups {
		try(Of(group))
	}
	return found, ok
}

// show writes the key of the operator into its file; the caller holds mu or is alone.
func (k *Keys) show(s Scope) error {
	if k.dir == "" || s != Global && s != Read {
		return nil
	}
	path := filepath.Join(k.dir, string(s)+".key")
	if err := replace(path, []byte(k.get(s)+"\n")); err != nil {
		return fmt.Errorf("write the %s key: %w", s, err)
	}
	return nil
}

// replace writes a file for its owner in one go: readers see the old or the new content.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name()) // an error leaves a file that says nothing
	}
	return err
}
