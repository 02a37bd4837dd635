package ini

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
)

// ExpandUser replaces a leading ~ or ~name by that home directory; a name that does not exist stays as it is.
func ExpandUser(path string) string {
	if !strings.HasPrefix(path, "~") {
		return path
	}
	name, rest := path[1:], ""
	if i := strings.IndexByte(path, '/'); i >= 0 {
		name, rest = path[1:i], path[i:]
	}
	home := ""
	if name == "" {
		home = os.Getenv("HOME")
	}
	if home == "" {
		u, err := lookup(name)
		if err != nil {
			return path
		}
		home = u.HomeDir
	}
	if path := strings.TrimRight(home, "/") + rest; path != "" {
		return path
	}
	return "/"
}

func lookup(name string) (*user.User, error) {
	if name == "" {
		return user.Current()
	}
	return user.Lookup(name)
}

// ExistingDirectory expands ~ and demands that the directory exists.
func ExistingDirectory(s string) (string, error) {
	path := ExpandUser(s)
	if !isDir(path) {
		return "", fmt.Errorf("%s is not an existing directory", s)
	}
	return path, nil
}

// ExistingDirPath expands ~ and demands that the directory part of the path exists, if there is one.
func ExistingDirPath(s string) (string, error) {
	path := ExpandUser(s)
	if i := strings.LastIndexByte(path, '/'); i >= 0 && !isDir(path[:i+1]) {
		return "", fmt.Errorf("The directory named as part of the path %s does not exist", s)
	}
	return path, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Normalize expands ~ and makes the path absolute, from the working directory, and clean.
func Normalize(path string) (string, error) {
	abs, err := filepath.Abs(ExpandUser(path))
	if err != nil {
		return "", fmt.Errorf("normalize %s: %w", path, err)
	}
	return abs, nil
}
