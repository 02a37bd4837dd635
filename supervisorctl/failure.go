package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/rpc"
)

// pyError is an error that the peer raises as an exception of Python.
type pyError struct{ class, text string }

func (e pyError) Error() string { return e.text }

// errnoClasses are the classes that Python gives to errors of the system; the others are OSError.
var errnoClasses = map[syscall.Errno]string{
	syscall.ECONNREFUSED: "ConnectionRefusedError",
	syscall.ECONNRESET:   "ConnectionResetError",
	syscall.EPIPE:        "BrokenPipeError",
	syscall.ENOENT:       "FileNotFoundError",
	syscall.EACCES:       "PermissionError",
	syscall.EPERM:        "PermissionError",
	syscall.ETIMEDOUT:    "TimeoutError",
}

// describe returns the class and text that the peer prints for an error.
func describe(err error) string {
	class, text := classify(err)
	return fmt.Sprintf("<class '%s'>, %s", class, text)
}

// classify returns the class of the exception that the peer raises for an error, and its text.
func classify(err error) (class, text string) {
	var errno syscall.Errno
	var raised pyError
	var unknownHost *net.DNSError
	var refused *rpc.StatusError
	var slow net.Error
	fault, isFault := asFault(err)
	switch {
	case isFault:
		return "xmlrpc.client.Fault", faultText(fault)
	case errors.As(err, &raised):
		return raised.class, raised.text
	case errors.As(err, &refused):
		return "xmlrpc.client.ProtocolError", fmt.Sprintf("<ProtocolError for 127.0.0.1/RPC2: %s>", refused.Status)
	case errors.As(err, &errno):
		class = errnoClasses[errno]
		if class == "" {
			class = "OSError"
		}
		return class, fmt.Sprintf("[Errno %d] %s", int(errno), capital(errno.Error()))
	case errors.As(err, &unknownHost) && unknownHost.IsNotFound:
		return "socket.gaierror", "[Errno -2] Name or service not known"
	case errors.As(err, &slow) && slow.Timeout():
		return "TimeoutError", "timed out"
	case err == io.EOF:
		return "EOFError", "EOF when reading a line"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "http.client.RemoteDisconnected", "Remote end closed connection without response"
	}
	return "Exception", err.Error()
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// faultText returns str() of a fault in Python.
func faultText(f *rpc.Fault) string { return fmt.Sprintf("<Fault %d: %s>", f.Code, ini.Repr(f.Text)) }

// asFault returns the fault in err, if there is one.
func asFault(err error) (*rpc.Fault, bool) {
	var f *rpc.Fault
	ok := errors.As(err, &f)
	return f, ok
}

// isFault reports whether err is a fault with that code.
func isFault(err error, code int) bool {
	f, ok := asFault(err)
	return ok && f.Code == code
}

// isUnauthorized reports whether the server wants other credentials.
func isUnauthorized(err error) bool {
	var refused *rpc.StatusError
	return errors.As(err, &refused) && refused.Code == 401
}
