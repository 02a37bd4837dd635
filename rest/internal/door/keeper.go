// Package door is what the APIs have in common that are opened by keys: who calls, from which site, for which route, and with what body.
package door

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"
)

// bodyTimeout is how long the body of a request may take when a Door does not say.
const bodyTimeout = 30 * time.Second

// Door says who may come in. The zero value lets in those with a key and those who come through a Unix socket.
type Door struct {
	// Login reports whether a user and a password fit; who has them may do everything. nil lets nobody in that way.
	Login func(user, password string) bool
	// TrustLoopback lets clients on this machine in without a key (trust_loopback). They must call it by an address, as localhost or by
	// one of Hosts: another name may be one that the page of a stranger has made point here. A proxy that names its client is not trusted.
	TrustLoopback bool
	Hosts         []string
	// Origins are those of other sites whose pages may send more than GET and HEAD, such as https://ops.example.com (cors_origins).
	Origins []string
	// BodyTimeout is for the whole body of a request, longer is 408; 0 is 30 s.
	BodyTimeout time.Duration
}

// Keeper stands at a Door.
type Keeper struct {
	door  Door
	guard *http.CrossOriginProtection
	log   *slog.Logger
}

// NewKeeper returns the keeper of a door. The error is an origin that is none.
func NewKeeper(d Door, log *slog.Logger) (*Keeper, error) {
	d.BodyTimeout = cmp.Or(d.BodyTimeout, bodyTimeout)
	guard := http.NewCrossOriginProtection()
	for _, origin := range d.Origins {
		if err := guard.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	return &Keeper{d, guard, log}, nil
}

// Refuses reports whether a page of another site sends what it must not, and logs it.
func (k *Keeper) Refuses(r *http.Request) bool {
	if k.guard.Check(r) == nil {
		return false
	}
	k.log.Warn("request of another site refused", "remote", r.RemoteAddr, "origin", r.Header.Get("Origin"), "path", r.URL.Path)
	return true
}

// Body reads a body of up to limit bytes, or returns the HTTP status that refuses it: 413, 408, or 400 when it cannot be read.
func (k *Keeper) Body(w http.ResponseWriter, r *http.Request, limit int64) (data []byte, status int) {
	// a writer that knows no deadlines has none to set: a request that lies in memory
	deadline := http.NewResponseController(w)
	deadline.SetReadDeadline(time.Now().Add(k.door.BodyTimeout))
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case err == nil:
		deadline.SetReadDeadline(time.Time{}) // the operation may take its time
		return data, 0
	case tooLarge:
		return nil, http.StatusRequestEntityTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return nil, http.StatusRequestTimeout
	}
	return nil, http.StatusBadRequest
}
