package logfile

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// MaxRead is the most bytes that one Read or Tail returns: enough for a log of Supervisor's default size (50 MB), and a bound
// on what a client can make the daemon hold. Supervisor itself has none.
const MaxRead = 64 << 20

// The errors of Read, named after the faults of Supervisor's readLog.
var (
	ErrBadArguments = errors.New("offset and length do not fit together")
	ErrFailed       = errors.New("the log cannot be read")
)

// Read returns a window of a log, as Supervisor's readLog and readProcessStdoutLog do: length bytes from offset, with length 0
// all bytes from offset, with a negative offset and length 0 the last -offset bytes. A negative length, or any length with a
// negative offset, is ErrBadArguments; a file that cannot be read is ErrFailed, whatever the arguments are.
func Read(path string, offset, length int64) ([]byte, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	defer f.Close()
	if length < 0 || offset < 0 && length != 0 {
		return nil, ErrBadArguments
	}
	if offset < 0 {
		length = min(-max(offset, -MaxRead), size)
		offset = size - length
	}
	if length == 0 {
		length = MaxRead
	}
	data, err := readAt(f, size, offset, length)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return data, nil
}

// Tail returns the end of a growing log, as Supervisor's tailProcessStdoutLog does: the last length bytes if there are any after
// offset, else none; the size of the log, to be used as the next offset; and whether there are more than length bytes after
// offset. For a file that cannot be read there are no data and next is offset.
func Tail(path string, offset, length int64) (data []byte, next int64, overflow bool) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, offset, false
	}
	defer f.Close()
	window := min(max(length, 0), MaxRead)
	// with bounds on both, their sum cannot overflow
	start := min(max(offset, math.MinInt64/2), math.MaxInt64/2)
	end := start + min(max(length, math.MinInt64/2), MaxRead)
	overflow = size > end
	if start >= size && !overflow {
		return nil, size, false
	}
	data, err = readAt(f, size, max(size-window, 0), window)
	if err != nil {
		return nil, offset, false
	}
	return data, size, overflow
}

// openRegular opens a regular file and returns its size. Opening a FIFO must not wait for a writer. /dev/null, where many
// configurations send what they do not want, reads as an empty log.
func openRegular(path string) (*os.File, int64, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && path != os.DevNull {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// readAt returns up to length bytes at offset, as many as a file of that size holds there.
func readAt(f *os.File, size, offset, length int64) ([]byte, error) {
	length = min(length, size-offset, MaxRead)
	if length <= 0 {
		return nil, nil
	}
	data := make([]byte, length)
	n, err := f.ReadAt(data, offset)
	if err == io.EOF { // it was truncated meanwhile
		err = nil
	}
	return data[:n], err
}
