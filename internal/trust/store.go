package trust

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
)

const (
	maxFiles  = 256
	maxFile   = 1 << 20  // bytes of a file of the store
	maxSigned = 64 << 20 // bytes of a file that is signed
)

// ErrLimit is in the error about a file that is too large, or one too many.
var ErrLimit = errors.New("over the limit")

// fileName is what a file of the store may be called.
var fileName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}\.pem$`)
})

// Store is the directory with what the node trusts. One process at a time writes to it.
type Store struct {
	dir string
	mu  sync.Mutex // one Write or Remove at a time
}

// Open returns the store, whose directory it makes if there is none. It refuses one that others may write: they could add a key.
func Open(dir string) (*Store, error) {
	if err := prepare(dir); err != nil {
		return nil, fmt.Errorf("trust store: %w", err)
	}
	return &Store{dir: dir}, nil
}

func prepare(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	}
	return ownOnly(dir, info)
}

// ownOnly refuses what somebody else than the user of this process, or root, may write.
func ownOnly(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("%s may be written by others (mode %04o): take that away with chmod go-w", path, mode)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 && int(owner.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, not to user %d who runs this", path, owner.Uid, os.Geteuid())
	}
	return nil
}

// Names returns the names of the files, sorted. What is not a regular file, links too, or is called otherwise does not count.
func (s *Store) Names() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("trust store: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && fileName().MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Read returns the content of a file. The error is fs.ErrNotExist when there is none, or none can be called so.
func (s *Store) Read(name string) ([]byte, error) {
	path, err := s.path("read", name, fs.ErrNotExist)
	if err != nil {
		return nil, err
	}
	return readFile(path, maxFile, true)
}

// Write makes data the content of a file, which everybody may read. It survives a power loss once Write has returned nil. The error is
// fs.ErrInvalid for a name that no file may have, and ErrLimit for too much; data that is anything but certificates and public keys in
// PEM form is refused.
func (s *Store) Write(name string, data []byte) error {
	path, err := s.path("write", name, fs.ErrInvalid)
	if err != nil {
		return err
	}
	if len(data) > maxFile {
		return tooLarge(path, maxFile)
	}
	if _, err := parse(data); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names, err := s.Names()
	if err != nil {
		return err
	}
	if len(names) >= maxFiles && !slices.Contains(names, name) {
		return fmt.Errorf("write %s: %w of %d files", path, ErrLimit, maxFiles)
	}
	return replaceFile(path, data)
}

// Remove removes a file, for good once it has returned nil. The error is as that of Read.
func (s *Store) Remove(name string) error {
	path, err := s.path("remove", name, fs.ErrNotExist)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// path returns where the file of that name is; wrong is the error of a name that no file may have.
func (s *Store) path(op, name string, wrong error) (string, error) {
	if !fileName().MatchString(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: wrong}
	}
	return filepath.Join(s.dir, name), nil
}

// readFile reads a regular file of at most limit bytes. One of our own is no link, and nobody else may write it. It waits for no pipe.
func readFile(path string, limit int64, own bool) ([]byte, error) {
	flags := os.O_RDONLY | syscall.O_NONBLOCK
	if own {
		flags |= syscall.O_NOFOLLOW
	}
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	case own:
		if err := ownOnly(path, info); err != nil {
			return nil, err
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, tooLarge(path, limit)
	}
	return data, nil
}

func tooLarge(path string, limit int64) error {
	return fmt.Errorf("%s: %w of %d bytes", path, ErrLimit, limit)
}

// replaceFile writes a file in one go: whoever reads finds the old or the new content. What an earlier call left half done is removed.
func replaceFile(path string, data []byte) error {
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil { // the mode whatever the umask is
		return errors.Join(err, os.Remove(temp))
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a directory survive a power loss.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
