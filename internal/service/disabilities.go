package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/supvisors/supvisors/internal/supervisor"
)

// Disabilities is the disabilities_file of Supvisors: a JSON object that says of each program whether it is disabled. nil is one
// without a file.
type Disabilities struct {
	path string

	mu    sync.Mutex // of the file, and of:
	known map[string]bool
}

// OpenDisabilities reads the file; one that does not exist disables nothing. Without a path it returns nil.
func OpenDisabilities(path string) (*Disabilities, error) {
	if path == "" {
		return nil, nil
	}
	d := &Disabilities{path: path, known: map[string]bool{}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return nil, fmt.Errorf("disabilities: %w", err)
	}
	if err := json.Unmarshal(data, &d.known); err != nil {
		return nil, fmt.Errorf("disabilities of %s: %w", path, err)
	}
	return d, nil
}

// Disabled returns the programs that are disabled, for supervisor.Deps.
func (d *Disabilities) Disabled() []string {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for name, on := range d.known {
		if on {
			names = append(names, name)
		}
	}
	return names
}

// Save writes what holds for the programs of the Supervisor, and makes the directory if need be. What the file says of other
// programs stays.
func (d *Disabilities) Save(sup *supervisor.Supervisor) error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range sup.Processes() {
		d.known[p.Spec.Program] = p.Info.Disabled
	}
	data, err := json.Marshal(d.known)
	if err != nil {
		return fmt.Errorf("disabilities: %w", err)
	}
	if err := replaceFile(d.path, data); err != nil {
		return fmt.Errorf("disabilities: %w", err)
	}
	return nil
}

// replaceFile writes a file in one go: readers see the old or the new text.
func replaceFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temp := path + ".new"
	if err := os.WriteFile(temp, data, 0o644); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
