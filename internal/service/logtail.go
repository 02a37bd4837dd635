package service

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/logfile"
	"github.com/supvisors/supvisors/internal/process"
)

// tailStart is how much of a log is sent before what is added to it, in bytes, when tailf_limit does not say.
const tailStart = 1024

// tailStart is what tailf_limit says, if it does.
func (d Deps) tailStart() int64 {
	if d.TailfLimit > 0 {
		return d.TailfLimit
	}
	return tailStart
}

// channels are the words for the outputs of a process; stdout is the default.
var channels = map[string]event.Channel{"stdout": event.Stdout, "stderr": event.Stderr}

// LogTail serves /logtail/NAME and /logtail/NAME/stdout or stderr: the end of a log of a process, and then all that is added to it.
func LogTail(deps Deps) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, channel, given := strings.Cut(strings.TrimPrefix(r.URL.Path, "/logtail/"), "/")
		c, known := channels[channel]
		if !known && given {
			http.NotFound(w, r)
			return
		}
		path, err := deps.Supervisor.LogPath(process.ParseNamespec(name), c)
		serveTail(w, r, path, deps.tailStart(), err)
	})
}

// MainLogTail serves /mainlogtail: the activity log in the same way.
func MainLogTail(deps Deps) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, err := deps.Log.Path()
		serveTail(w, r, path, deps.tailStart(), err)
	})
}

// serveTail streams the end of a log, and what is added to it, until the client goes away. err says why there is no path.
func serveTail(w http.ResponseWriter, r *http.Request, path string, start int64, err error) {
	if r.Method != http.MethodGet {
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return
	}
	if err != nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	if info, err := os.Stat(path); err == nil {
		h.Set("Last-Modified", info.ModTime().UTC().Format(http.TimeFormat))
	}
	h.Set("Content-Type", "text/plain;charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // a proxy in front must not hold lines back
	out := http.NewResponseController(w)
	started := false
	err = logfile.Follow(r.Context(), path, start, func(data []byte) error {
		started = true
		if _, err := w.Write(data); err != nil {
			return err
		}
		return out.Flush()
	})
	if started || r.Context().Err() != nil {
		return // the client has gone, or the log: the end of the stream tells it
	}
	h.Del("Last-Modified")
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENOSPC) {
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
		return
	}
	http.NotFound(w, r)
}
