package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
)

// rotate moves the full file out of the way. On an error the current file stays in use and the next attempt waits until
// maxBytes more are written, so that a directory without write permission costs neither output nor a try at each write.
func (w *Writer) rotate() error {
	info, err := w.file.Stat()
	if err == nil && info.Size() < w.limit {
		w.size = info.Size() // truncated by somebody else, as logrotate's copytruncate does
		return nil
	}
	if err == nil {
		err = w.turnOver(info)
	}
	if err != nil {
		w.limit = w.size + w.maxBytes
		return fmt.Errorf("rotate log: %w", err)
	}
	return nil
}

// turnOver starts an empty file. A path that names another file than the one written, or none, was already moved by
// somebody else: shifting the backups once more would lose the oldest for nothing.
func (w *Writer) turnOver(current fs.FileInfo) error {
	if named, err := os.Stat(w.path); err != nil || !os.SameFile(named, current) {
		return w.open()
	}
	if w.backups <= 0 {
		if err := w.file.Truncate(0); err != nil {
			return err
		}
		w.size, w.limit = 0, w.maxBytes
		w.told()
		return nil
	}
	for i := w.backups - 1; i >= 0; i-- {
		if err := os.Rename(w.numbered(i), w.numbered(i+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := w.open(); err != nil {
		return err
	}
	w.told()
	return nil
}

func (w *Writer) told() {
	if w.rotated != nil {
		w.rotated()
	}
}

// numbered returns the path of the i-th old file; 0 is the log itself.
func (w *Writer) numbered(i int) string {
	if i == 0 {
		return w.path
	}
	return w.path + "." + strconv.Itoa(i)
}
