package device

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
	"strconv"
	"sync"

	"github.com/supvisors/supvisors/rest/device"
)

// keysFile keeps what the keys are made of.
const keysFile = "keys.json"

// savedKeys is the file: keys themselves are nowhere.
type savedKeys struct {
	Secret      string         `json:"secret"`      // of the node, hex
	Generations map[string]int `json:"generations"` // by the text of the scope; 0 is not written
}

// keys makes and knows the keys of this node. A key is the HMAC-SHA-256 of the scope and its generation under the secret of the node.
type keys struct {
	folder Folder
	secret []byte

	mu          sync.Mutex
	generations map[string]int
	made        map[string]string // keys by the text of their scope
}

// globalScope and appScope are the texts of scopes.
const globalScope = "global"

func appScope(group string) string { return "app:" + group }

// openKeys reads the secret of the node, or makes one.
func openKeys(folder Folder) (*keys, error) {
	var saved savedKeys
	err := folder.Load(keysFile, &saved)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keys: %w", err)
	}
	k := &keys{folder: folder, generations: saved.Generations, made: map[string]string{}}
	if k.generations == nil {
		k.generations = map[string]int{}
	}
	if k.secret, err = hex.DecodeString(saved.Secret); err == nil && len(k.secret) == sha256.Size {
		return k, nil
	}
	k.secret = make([]byte, sha256.Size)
	if _, err := rand.Read(k.secret); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return k, k.save(k.generations)
}

func (k *keys) save(generations map[string]int) error {
	if err := k.folder.Save(keysFile, savedKeys{hex.EncodeToString(k.secret), generations}); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// key returns the key of a scope.
func (k *keys) key(scope string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.get(scope)
}

// get does it; the caller holds mu.
func (k *keys) get(scope string) string {
	key, ok := k.made[scope]
	if !ok {
		mac := hmac.New(sha256.New, k.secret)
		mac.Write([]byte(scope + "\x00" + strconv.Itoa(k.generations[scope])))
		key = hex.EncodeToString(mac.Sum(nil))
		k.made[scope] = key
	}
	return key
}

// regenerate makes the key of a scope invalid and returns the next one.
func (k *keys) regenerate(scope string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := maps.Clone(k.generations)
	next[scope]++
	if err := k.save(next); err != nil {
		return "", err
	}
	k.generations = next
	delete(k.made, scope)
	return k.get(scope), nil
}

// find returns the scope of a key among the global one and those of the groups. It compares with all of them, whichever fits.
func (k *keys) find(key string, groups []string) (found device.Scope, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if subtle.ConstantTimeCompare([]byte(key), []byte(k.get(globalScope))) == 1 {
		found, ok = device.Scope{Global: true}, true
	}
	for _, group := range groups {
		if subtle.ConstantTimeCompare([]byte(key), []byte(k.get(appScope(group)))) == 1 {
			found, ok = device.Scope{App: group}, true
		}
	}
	return found, ok
}
