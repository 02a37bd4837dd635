package device

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/config"
)

const (
	// filesPause is how long what was found out about the files holds without looking at them.
	filesPause = time.Second
	// filesFresh is how long it holds as long as they look unchanged: a pattern of [include] may match files in new places.
	filesFresh = 10 * time.Second
)

// filesCheck knows whether the configuration files say something else than what runs.
type filesCheck struct {
	mu     sync.Mutex
	looked time.Time
	read   time.Time
	marks  string // of the files when they were read
	cfg    *config.Config
	err    error
}

// look reports whether the files differ from what runs, and whether they can be read.
func (f *filesCheck) look(d *Device) (differ, parses bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.looked.IsZero() || time.Since(f.looked) >= filesPause {
		f.looked = time.Now()
		if f.cfg == nil {
			f.cfg = d.cfg.Started
		}
		if now := marks(f.cfg); now != f.marks || time.Since(f.read) >= filesFresh {
			f.marks, f.read = now, f.looked
			var cfg *config.Config
			if cfg, f.err = d.cfg.Load(); f.err == nil {
				f.cfg, f.marks = cfg, marks(cfg)
			}
		}
	}
	if f.err != nil {
		return true, false
	}
	c := d.differ(f.cfg)
	return len(c.Added)+len(c.Changed)+len(c.Removed) > 0, true
}

// marks describes the files of a configuration and the directories that they are in, by their times and sizes.
func marks(cfg *config.Config) string {
	paths := map[string]bool{}
	for _, file := range append([]string{cfg.Path}, cfg.Included...) {
		if file != "" {
			paths[file], paths[filepath.Dir(file)] = true, true
		}
	}
	var text strings.Builder
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintln(&text, path, info.ModTime().UnixNano(), info.Size())
		}
	}
	return text.String()
}
