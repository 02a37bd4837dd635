package ini

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Load reads a configuration file and the files that its [include] section names. A pattern is relative to the directory of
// the file; each pattern's files are read in the order of their names. Files included by an included file are not read.
//
// vars are the expansions of the files= option; here and host_node_name belong to them. The error joins one error per file
// that is no configuration text.
func Load(path string, vars Vars) (*Document, error) { return LoadWith(path, vars, nil) }

// LoadWith is Load with another way to read files, if one is given. Its *fs.PathError is treated as that of the system; any other error
// refuses a file, an included one too, and with it the whole configuration.
func LoadWith(path string, vars Vars, read func(path string) ([]byte, error)) (*Document, error) {
	if read == nil {
		read = os.ReadFile
	}
	d, err := loadOne(path, read, nil)
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
		errs = append(errs, d.include(join(base, pattern), files.Pos, read))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return d, nil
}

// IncludeError is a fault of the [include] section itself, or that a file it names was refused.
type IncludeError struct {
	Pos Position
	Err error
}

// Error implements error with Supervisor's text.
func (e *IncludeError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *IncludeError) Unwrap() error { return e.Err }

// LoadOne reads some sections of one file without what it includes, as supervisorctl does. A line that cannot be understood is an error
// wherever it is. The texts of the errors are Supervisor's.
func LoadOne(path string, only func(section string) bool) (*Document, error) {
	return loadOne(path, os.ReadFile, only)
}

func loadOne(path string, read func(path string) ([]byte, error), only func(section string) bool) (*Document, error) {
	text, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &FileError{Path: path, Verb: "find", Err: err}
	case isSystem(err):
		return nil, &FileError{Path: path, Verb: "read", Err: err}
	case err != nil:
		return nil, err
	}
	d := newDocument()
	d.only = only
	if err := d.add(path, string(text)); err != nil {
		return nil, err
	}
	return d, nil
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

// isSystem reports whether an error is one of the system about a file, of which Supervisor has its own opinion.
func isSystem(err error) bool {
	var system *fs.PathError
	return errors.As(err, &system)
}

func (d *Document) include(pattern string, pos Position, read func(path string) ([]byte, error)) error {
	files := Glob(pattern)
	if len(files) == 0 {
		d.Skipped = append(d.Skipped, Skipped{Path: pattern, Pos: pos})
	}
	var errs []error
	for _, file := range files {
		text, err := read(file)
		switch {
		case isSystem(err):
			d.Skipped = append(d.Skipped, Skipped{file, pos, err})
			continue
		case err != nil:
			errs = append(errs, &IncludeError{pos, err})
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
