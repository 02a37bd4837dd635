package stats

import (
	"errors"
	"log/slog"
	"syscall"
)

// failures logs what goes wrong, once for each thing that is read and each reason, for it would come back with every sample.
type failures struct {
	logger *slog.Logger
	seen   map[failure]bool
}

type failure struct {
	what   string
	reason syscall.Errno // 0: what was read makes no sense
}

func (f *failures) report(what string, err error) {
	kind := failure{what: what}
	errors.As(err, &kind.reason)
	if f.seen[kind] {
		return
	}
	f.seen[kind] = true
	f.logger.Warn("statistics cannot be read and are skipped, this is said once", "what", what, "error", err)
}
