package listener

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// OpenError tells why the socket at Address could not be opened. Its text is what supervisord prints after "Error: ", followed by
// the address, which supervisord leaves the user to guess.
type OpenError struct {
	Address string // as configured: a path or host:port
	Err     error
}

// Error returns Supervisor's text (options.openhttpservers) and the address.
func (e *OpenError) Error() string {
	if errors.Is(e.Err, syscall.EADDRINUSE) {
		return fmt.Sprintf("Another program is already listening on a port that one of our HTTP servers is configured to use.  "+
			"Shut this program down first before starting supervisord. (%s)", e.Address)
	}
	const help = "Cannot open an HTTP server: "
	var errno syscall.Errno
	if errors.As(e.Err, &errno) {
		return fmt.Sprintf(help+"socket.error reported errno.%s (%d) (%s: %s)", unix.ErrnoName(errno), errno, e.Address, errno)
	}
	return fmt.Sprintf(help+"%s: %s", e.Address, e.Err)
}

// Unwrap gives the cause, for instance a syscall.Errno.
func (e *OpenError) Unwrap() error { return e.Err }
