package logfile

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// text is the log of all tests here: 30 bytes, each telling its last digit.
const text = "012345678901234567890123456789"

func logWith(t *testing.T, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	path := logWith(t, text)
	tests := []struct {
		offset, length int64
		want           string
	}{
		{0, 0, text},
		{0, 5, "01234"},
		{7, 6, "789012"},
		{25, 0, "56789"},
		{25, 50, "56789"},
		{30, 5, ""},
		{1000, 5, ""},
		{1000, 0, ""},
		{math.MaxInt64, math.MaxInt64, ""},
		{0, math.MaxInt64, text},
		{-7, 0, "3456789"},
		{-30, 0, text},
		{-1000, 0, text},
		{math.MinInt64, 0, text},
	}
	for _, tt := range tests {
		if got, err := Read(path, tt.offset, tt.length); string(got) != tt.want || err != nil {
			t.Errorf("offset %d, length %d: %q, %v; want %q", tt.offset, tt.length, got, err, tt.want)
		}
	}
	for _, empty := range []string{logWith(t, ""), os.DevNull} {
		if got, err := Read(empty, -5, 0); len(got) != 0 || err != nil {
			t.Errorf("%s: %q, %v", empty, got, err)
		}
	}
}

func TestReadErrors(t *testing.T) {
	path := logWith(t, text)
	fifo := path + ".fifo"
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		path           string
		offset, length int64
		want           error
	}{
		{path, -5, 3, ErrBadArguments},
		{path, -5, -3, ErrBadArguments},
		{path, 0, -3, ErrBadArguments},
		{path, 5, math.MinInt64, ErrBadArguments},
		{path + ".gone", 0, 0, ErrFailed},
		{path + ".gone", 0, 0, fs.ErrNotExist},
		{path + ".gone", -5, 3, ErrFailed},
		{filepath.Dir(path), 0, 0, ErrFailed},
		{fifo, 0, 0, ErrFailed},
	}
	for _, tt := range tests {
		if data, err := Read(tt.path, tt.offset, tt.length); data != nil || !errors.Is(err, tt.want) {
			t.Errorf("%s, offset %d, length %d: %q, %v; want %v", tt.path, tt.offset, tt.length, data, err, tt.want)
		}
	}
}

func TestTail(t *testing.T) {
	path := logWith(t, text)
	tests := []struct {
		offset, length int64
		want           string
		overflow       bool
	}{
		{0, 30, text, false},
		{0, 500, text, false},
		{20, 10, text[20:], false},
		{25, 10, text[20:], false}, // more than what is new, as Supervisor has it
		{29, 1, "9", false},
		{30, 10, "", false},
		{30, 0, "", false},
		{500, 10, "", false},
		{math.MaxInt64, math.MaxInt64, "", false},
		{0, 10, text[20:], true},
		{10, 15, text[15:], true},
		{0, 0, "", true},
		{29, 0, "", true},
		{0, -5, "", true},
		{31, -1, "", false},
		{-10, 20, text[10:], true},
		{-10, 100, text, false},
		{math.MinInt64, math.MinInt64, "", true},
	}
	for _, tt := range tests {
		got, next, overflow := Tail(path, tt.offset, tt.length)
		if string(got) != tt.want || next != 30 || overflow != tt.overflow {
			t.Errorf("offset %d, length %d: %q, %d, %v; want %q, 30, %v", tt.offset, tt.length, got, next, overflow, tt.want, tt.overflow)
		}
	}
	for _, path := range []string{path + ".gone", filepath.Dir(path)} {
		if got, next, overflow := Tail(path, 7, 10); got != nil || next != 7 || overflow {
			t.Errorf("%s: %q, %d, %v", path, got, next, overflow)
		}
	}
}

// No client can make the daemon read a huge log into memory at once. The file is sparse.
func TestMaxRead(t *testing.T) {
	path := logWith(t, "")
	if err := os.Truncate(path, MaxRead+100); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ offset, length int64 }{{0, 0}, {1, math.MaxInt64}, {math.MinInt64, 0}, {-MaxRead - 1, 0}} {
		if data, err := Read(path, tt.offset, tt.length); len(data) != MaxRead || err != nil {
			t.Errorf("read %d, %d: %d bytes, %v", tt.offset, tt.length, len(data), err)
		}
	}
	if data, next, overflow := Tail(path, 0, math.MaxInt64); len(data) != MaxRead || next != MaxRead+100 || !overflow {
		t.Errorf("tail: %d bytes, next %d, overflow %v", len(data), next, overflow)
	}
}

// FuzzWindow compares Read and Tail with the rules of Supervisor written out on a string.
func FuzzWindow(f *testing.F) {
	f.Add(int64(0), int64(0))
	f.Add(int64(-3), int64(0))
	f.Add(int64(29), int64(-1))
	f.Fuzz(func(t *testing.T, offset, length int64) {
		path := logWith(t, text)
		data, err := Read(path, offset, length)
		if bad := length < 0 || offset < 0 && length != 0; bad != errors.Is(err, ErrBadArguments) {
			t.Errorf("read %d, %d: %v", offset, length, err)
		}
		if !strings.Contains(text, string(data)) || length > 0 && int64(len(data)) > length {
			t.Errorf("read %d, %d: %q", offset, length, data)
		}
		data, next, _ := Tail(path, offset, length)
		if next != 30 || !strings.HasSuffix(text, string(data)) || int64(len(data)) > max(length, 0) {
			t.Errorf("tail %d, %d: %q, next %d", offset, length, data, next)
		}
	})
}
