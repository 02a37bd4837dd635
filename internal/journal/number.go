package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Numbers are given out before they are on disk. So that none comes again after a crash, a range of them is reserved on disk ahead: in
// the log, and in a small file beside it that outlives the log.
const (
	// reserveLow is when the next range is reserved: more numbers than can be given out while two batches are written.
	reserveLow = 2 * maxPending
	// reserveStep is how many numbers are reserved at a time, and the largest gap that a crash leaves.
	reserveStep = 4 * maxPending
)

// mark is the content of the file beside the log.
type mark struct {
	Version  int    `json:"version"`
	Reserved uint64 `json:"reserved"`
}

func markPath(log string) string { return log + ".mark" }

// readMark returns the reserved number that the file beside the log tells. No file is an error that is fs.ErrNotExist.
func readMark(log string) (uint64, error) {
	data, err := os.ReadFile(markPath(log))
	if err != nil {
		return 0, err
	}
	var m mark
	if err := json.Unmarshal(data, &m); err != nil {
		return 0, fmt.Errorf("%s: %w", markPath(log), err)
	}
	if m.Reserved == 0 {
		return 0, fmt.Errorf("%s: it tells no number", markPath(log))
	}
	return m.Reserved, nil
}

func writeMark(log string, reserved uint64) error {
	data, err := json.Marshal(mark{FormatVersion, reserved})
	if err != nil {
		return err
	}
	return replaceFile(markPath(log), append(data, '\n'))
}

// firstNumber returns the number to begin with, above all that may have been given out. When nothing is left that tells how far they
// went, it is taken from the clock: milliseconds since the epoch run ahead of any log.
func firstNumber(found contents, damaged bool, mark uint64, markErr error) uint64 {
	next := max(found.last, found.reserved, mark) + 1
	lost := markErr != nil && (damaged || !errors.Is(markErr, fs.ErrNotExist) && found.reserved == 0)
	if lost {
		next = max(next, uint64(time.Now().UnixMilli()))
	}
	return next
}
