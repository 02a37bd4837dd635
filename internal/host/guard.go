package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// MayEmpty returns why a directory may not be emptied: for where it is, or for what is in it and has to be kept. It must be below root,
// unless that is "". The error of a directory that does not exist is fs.ErrNotExist.
func MayEmpty(dir, root string, kept []string) error {
	switch {
	case !filepath.IsAbs(dir) || filepath.Clean(dir) != dir:
		return errors.New("its path is not absolute and clean")
	case strings.Count(dir, "/") < 2:
		return errors.New("it is less than two levels deep")
	case root != "" && !contains(root, dir):
		return errors.New("it is not below " + root)
	}
	for path := dir; path != "/"; path = filepath.Dir(path) {
		info, err := os.Lstat(path)
		switch {
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			return errors.New(path + " is a symbolic link")
		case !info.IsDir():
			return errors.New(path + " is not a directory")
		}
	}
	for _, path := range kept {
		if path = resolved(path); path != "" && (path == dir || contains(dir, path)) {
			return errors.New(path + " is in it")
		}
	}
	return nil
}

// contains reports whether path lies below dir. Both are clean.
func contains(dir, path string) bool {
	return strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// resolved returns where a path leads, as far as it exists; "" for one that is relative.
func resolved(path string) string {
	if !filepath.IsAbs(path) {
		return ""
	}
	path = filepath.Clean(path)
	for rest := ""; ; {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Join(real, rest)
		}
		if path == "/" {
			return filepath.Join(path, rest)
		}
		path, rest = filepath.Dir(path), filepath.Join(filepath.Base(path), rest)
	}
}
