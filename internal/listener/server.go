package listener

import (
	"log/slog"
	"net/http"
	"time"
)

// The limits of the HTTP servers of a node. There is no limit for a whole request or reply: logs are followed and events streamed
// for days; handlers set deadlines where they read a body or write a stream.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

// NewServer returns a server for h that silent, slow and talkative clients cannot hurt. What goes wrong on a single connection
// is logged at debug level.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout, // also bounds a TLS handshake
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}
