package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// WritePIDFile writes the pid of this process and a line feed to path, as supervisord does.
func WritePIDFile(path string) error {
	if err := os.WriteFile(path, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
		return fmt.Errorf("could not write pidfile %s: %w", path, err)
	}
	return nil
}

// ClearChildLogs removes the log files that AUTO gave to children of a daemon of that identifier, with their backups.
// It returns what could not be removed, if anything.
func ClearChildLogs(dir, identifier string) []error {
	auto := regexp.MustCompile(`^.+?---` + regexp.QuoteMeta(identifier) + `-\S+\.log\.?\d{0,4}`)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []error{fmt.Errorf("could not clear childlog dir: %w", err)}
	}
	var failed []error
	for _, e := range entries {
		if !auto.MatchString(e.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			failed = append(failed, fmt.Errorf("could not clean up childlog: %w", err))
		}
	}
	return failed
}

// autoLog creates the file that stands for AUTO: NAME-CHANNEL---IDENTIFIER-xxxxxx.log in dir, readable by its owner only.
func autoLog(dir, name, channel, identifier string) (string, error) {
	f, err := os.CreateTemp(dir, fmt.Sprintf("%s-%s---%s-*.log", name, channel, identifier))
	if err != nil {
		return "", fmt.Errorf("create log of %s: %w", name, err)
	}
	return f.Name(), f.Close()
}
