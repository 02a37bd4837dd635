package ini

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Load reads a configuration file and the files that its [include] section names. A pattern is relative to the directory of
// the file; each pattern's files are read in the order of their names. Files included by an included file are not read.
//
// vars are the expansions of the files= option; here and host_node_name belong to them. The error joins one error per file
// that is no configuration text.
func Load(path string, vars Vars) (*Document, error) {
	d, err := LoadOne(path)
	if err != nil || !d.Has("include") {
		return d, err
	}
	base, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("could not read config file %s: %w", path, err)
	}
	d.expandHere(base)
	files, ok := d.Lookup("include", "files")
	if !ok {
		return nil, &IncludeError{d.Header("include"), errors.New(".ini file has [include] section, but no files setting")}
	}
	patterns, err := Expand(files.Text, "include.files", vars)
	if err != nil {
		return nil, &IncludeError{files.Pos, err}
	}
	var errs []error
	for _, pattern := range strings.FieldsFunc(patterns, isSpace) {
		errs = append(errs, d.include(join(base, pattern), files.Pos))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return d, nil
}

// IncludeError is a fault of the [include] section itself.
type IncludeError struct {
	Pos Position
	Err error
}

// Error implements error with Supervisor's text.
func (e *IncludeError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *IncludeError) Unwrap() error { return e.Err }

// LoadOne reads one file without what it includes, as supervisorctl does. The texts of its errors are Supervisor's.
func LoadOne(path string) (*Document, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, &FileError{Path: path, Verb: "find", Err: err}
	case err != nil:
		return nil, &FileError{Path: path, Verb: "read", Err: err}
	}
	return Parse(path, string(text))
}

// FileError says that the configuration file is not there or cannot be read.
type FileError struct {
	Path string
	Verb string // "find" or "read"
	Err  error
}

// Error implements error with Supervisor's text.
func (e *FileError) Error() string { return fmt.Sprintf("could not %s config file %s", e.Verb, e.Path) }

// Unwrap returns the error of the system.
func (e *FileError) Unwrap() error { return e.Err }

func (d *Document) include(pattern string, pos Position) error {
	files := Glob(pattern)
	if len(files) == 0 {
		d.Skipped = append(d.Skipped, Skipped{Path: pattern, Pos: pos})
	}
	var errs []error
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			d.Skipped = append(d.Skipped, Skipped{file, pos, err})
			continue
		}
		d.Included = append(d.Included, file)
		errs = append(errs, d.add(file, string(text)))
		d.expandHere(filepath.Dir(file))
	}
	return errors.Join(errs...)
}

// join is Python's os.path.join: an absolute pattern replaces the base, and nothing is cleaned away.
func join(base, pattern string) string {
	if strings.HasPrefix(pattern, "/") {
		return pattern
	}
	return strings.TrimSuffix(base, "/") + "/" + pattern
}
