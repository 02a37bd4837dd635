package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SearchPaths returns where a configuration file is looked for, in order, by a program that was called by that name.
func SearchPaths(program string) []string {
	here := filepath.Dir(filepath.Dir(program))
	return []string{
		filepath.Join(here, "etc", "supervisord.conf"),
		filepath.Join(here, "supervisord.conf"),
		"supervisord.conf",
		"etc/supervisord.conf",
		"/etc/supervisord.conf",
		"/etc/supervisor/supervisord.conf",
	}
}

// Find returns the configuration file that the flags name, or the first one of the search paths that exists. The error has
// Supervisor's text.
func Find(flags Flags) (string, error) {
	if flags.Configuration != "" {
		return flags.Configuration, nil
	}
	paths := SearchPaths(os.Args[0])
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("No config file found at default paths (%s); use the -c option to specify a config file at a different path",
		strings.Join(paths, ", "))
}
