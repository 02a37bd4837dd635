package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
)

// FormatVersion is the "version" of the state files that this release writes. A file of a later version is neither read nor replaced.
const FormatVersion = 1

// Folder is the directory of the persisted state of a node. One process at a time uses it.
type Folder struct {
	dir    string
	mu     sync.Mutex // one Load or Save at a time
	failed atomic.Pointer[error]
}

// DamagedError says that a state file could not be read and what became of it.
type DamagedError struct {
	Path string // the file
	Kept string // where its content is now, "" when it could not be moved
	Err  error  // what is wrong with it
}

// Error implements error.
func (e *DamagedError) Error() string {
	if e.Kept == "" {
		return fmt.Sprintf("%s is damaged and could not be moved aside: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("%s is damaged and is kept as %s: %v", e.Path, e.Kept, e.Err)
}

// Unwrap returns what is wrong with the file.
func (e *DamagedError) Unwrap() error { return e.Err }

// OpenFolder returns the directory, which it makes for its owner alone if there is none. It refuses a directory that others may write or
// that belongs to another user: whoever can write there can take over the node.
func OpenFolder(dir string) (*Folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", dir, err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := syncDir(filepath.Dir(abs)); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return nil, fmt.Errorf("state directory %s may be written by others (mode %04o): take that away with chmod 700", abs, mode)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("state directory %s belongs to user %d, not to user %d who runs this", abs, owner.Uid, os.Geteuid())
	}
	return &Folder{dir: abs}, nil
}

// Path returns the path of a file of the folder.
func (f *Folder) Path(name string) string { return filepath.Join(f.dir, name) }

// Load reads the JSON object of that file into a struct. A file that does not exist is an error that is [fs.ErrNotExist]; a damaged one
// is moved aside and is a [*DamagedError], after which there is none; then into is unchanged.
func (f *Folder) Load(name string, into any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	object, err := f.read(name)
	if err != nil {
		return err
	}
	if object == nil {
		return fmt.Errorf("load %s: %w", f.Path(name), fs.ErrNotExist)
	}
	data, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("load %s: %w", f.Path(name), err)
	}
	fresh := newLike(into)
	if err := json.Unmarshal(data, fresh); err != nil {
		return f.damaged(name, err)
	}
	return json.Unmarshal(data, into)
}

// Save makes the struct the content of that file, durably. Fields of the file that the struct does not know, here or in a struct within
// it, stay. A damaged file is moved aside.
func (f *Folder) Save(name string, from any) error {
	err := f.save(name, from)
	f.failed.Store(&err)
	return err
}

// Failed returns the error of the last Save, nil when it was done. It waits for nobody.
func (f *Folder) Failed() error {
	if err := f.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *Folder) save(name string, from any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	fresh, err := json.Marshal(from)
	if err != nil {
		return fmt.Errorf("save %s: %w", f.Path(name), err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(fresh, &object); err != nil {
		return fmt.Errorf("save %s: not an object: %w", f.Path(name), err)
	}
	old, err := f.read(name)
	var damaged *DamagedError
	if err != nil && (!errors.As(err, &damaged) || damaged.Kept == "") {
		return fmt.Errorf("save: %w", err)
	}
	keepUnknown(object, old, from)
	object["version"] = json.RawMessage(fmt.Sprint(FormatVersion))
	data, err := json.MarshalIndent(object, "", "  ")
	if err != nil {
		return fmt.Errorf("save %s: %w", f.Path(name), err)
	}
	if err := replaceFile(f.Path(name), append(data, '\n')); err != nil {
		return fmt.Errorf("save %s: %w", f.Path(name), err)
	}
	return nil
}

// read returns the fields of a file, nil when there is no file. A damaged one is moved aside.
func (f *Folder) read(name string) (map[string]json.RawMessage, error) {
	if name != filepath.Base(name) || name == "." || name == ".." {
		return nil, fmt.Errorf("%q is no name for a state file", name)
	}
	data, err := os.ReadFile(f.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, f.damaged(name, errors.New("it is empty"))
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, f.damaged(name, err)
	}
	if object == nil { // the word null
		return nil, f.damaged(name, errors.New("it holds no object"))
	}
	var version int
	if err := json.Unmarshal(object["version"], &version); err != nil {
		return nil, f.damaged(name, errors.New("it has no version"))
	}
	if version > FormatVersion {
		return nil, fmt.Errorf("%s is of version %d, this release reads up to version %d", f.Path(name), version, FormatVersion)
	}
	return object, nil
}

func (f *Folder) damaged(name string, why error) error {
	kept, err := moveAside(f.Path(name))
	return &DamagedError{Path: f.Path(name), Kept: kept, Err: errors.Join(why, err)}
}
