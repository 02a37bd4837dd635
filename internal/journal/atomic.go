package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// replaceFile makes data the content of the file, which only its owner may read. Whatever happens, the file holds either what it
// held before or all of data; once replaceFile has returned nil, data survives a power loss. What an earlier call left half done is
// written over. Two calls for one path must not overlap.
func replaceFile(path string, data []byte) error {
	temp := path + ".tmp"
	if err := writeSynced(temp, data); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func writeSynced(path string, data []byte) error {
	// What is there may be anything, of any mode: begin with a file of our own.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes the names in a directory survive a power loss.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// moveAside renames a damaged file to one of its own that says when it was found, and returns that name.
func moveAside(path string) (string, error) {
	stamp := time.Now().UTC().Format("20060102T150405Z")
	for n := 0; ; n++ {
		kept := fmt.Sprintf("%s.damaged-%s", path, stamp)
		if n > 0 {
			kept = fmt.Sprintf("%s.%d", kept, n)
		}
		if _, err := os.Lstat(kept); err == nil {
			continue
		}
		if err := os.Rename(path, kept); err != nil {
			return "", err
		}
		return kept, syncDir(filepath.Dir(path))
	}
}
