package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/supvisors/supvisors/internal/supervisor"
)

// Disabilities is the disabilities_file of Supvisors: a JSON object that says of each program whether it is disabled.
type Disabilities struct {
	path string

	mu    sync.Mutex // of the file, and of:
	known map[string]bool
}

// OpenDisabilities reads the file; one that does not exist disables nothing.
func OpenDisabilities(path string) (*Disabilities, error) {
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

// Save writes what holds for the programs of the Supervisor. What the file says of others stays.
func (d *Disabilities) Save(sup *supervisor.Supervisor) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range sup.Processes() {
		d.known[p.Spec.Program] = p.Info.Disabled
	}
	data, err := json.Marshal(d.known)
	if err != nil {
		return fmt.Errorf("disabilities: %w", err)
	}
	temp := d.path + ".new"
	if err = os.WriteFile(temp, data, 0o644); err == nil {
		err = os.Rename(temp, d.path)
	}
	if err != nil {
		return fmt.Errorf("disabilities: %w", err)
	}
	return nil
}
