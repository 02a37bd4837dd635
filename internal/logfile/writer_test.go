package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func newWriter(t testing.TB, path string, maxBytes int64, backups int) *Writer {
	t.Helper()
	w, err := New(path, maxBytes, backups)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func write(t testing.TB, w io.Writer, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("write %q: %d, %v", text, n, err)
		}
	}
}

// content lists the files of a folder with what is in them, in the order of their names.
func content(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			data = []byte("-")
		}
		list = append(list, e.Name()+"="+string(data))
	}
	return strings.Join(list, " ")
}

// Rotation as Supervisor does it: after the write that reaches the limit, and never within one.
func TestRotation(t *testing.T) {
	tests := []struct {
		maxBytes int64
		backups  int
		writes   string // split at spaces
		want     string
		told     int // rotations
	}{
		{0, 3, "aaaa bbbb cccc", "log=aaaabbbbcccc", 0},
		{5, 3, "aaaa", "log=aaaa", 0},
		{4, 3, "aaaa", "log= log.1=aaaa", 1},
		{5, 3, "aaaa bbbb cccc", "log=cccc log.1=aaaabbbb", 1},
		{3, 3, "aaaaaaaaaa b", "log=b log.1=aaaaaaaaaa", 1},
		{2, 2, "aa bb cc dd e", "log=e log.1=dd log.2=cc", 4},
		{2, 1, "aa bb cc", "log= log.1=cc", 3},
		{2, 0, "aa bb c", "log=c", 2},
		{2, -1, "aa", "log=", 1},
		{2, 10, "a b c d e f g h i j k l m n o p q r s t u v w x",
			"log= log.1=wx log.10=ef log.2=uv log.3=st log.4=qr log.5=op log.6=mn log.7=kl log.8=ij log.9=gh", 12},
	}
	for _, tt := range tests {
		folder, told := t.TempDir(), 0
		w := newWriter(t, filepath.Join(folder, "log"), tt.maxBytes, tt.backups)
		w.OnRotate(func() { told++ })
		write(t, w, strings.Fields(tt.writes)...)
		if got := content(t, folder); got != tt.want || told != tt.told {
			t.Errorf("%d bytes, %d backups, %s:\ngot  %s\nwant %s\n%d rotations, want %d", tt.maxBytes, tt.backups, tt.writes, got, tt.want,
				told, tt.told)
		}
	}
}

// The log of an earlier daemon counts, and a log that is too large at once is rotated by the next write.
func TestRotationCountsWhatIsThere(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "log")
	if err := os.WriteFile(path, []byte("old-"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, path, 6, 1)
	write(t, w, "a")
	if got := content(t, folder); got != "log=old-a" {
		t.Error(got)
	}
	write(t, w, "b")
	if got := content(t, folder); got != "log= log.1=old-ab" {
		t.Error(got)
	}
}

func TestRotationBesideOthers(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, path string) error
		want string
	}{
		{"truncated", func(_ *testing.T, path string) error { return os.Truncate(path, 0) }, "log=bbb"},
		{"moved away", func(_ *testing.T, path string) error { return os.Rename(path, path+".old") }, "log= log.old=aaabbb"},
		{"removed", func(_ *testing.T, path string) error { return os.Remove(path) }, "log="},
		{"replaced", func(_ *testing.T, path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, []byte("new"), 0o600))
		}, "log=new log.old=aaabbb"},
	}
	for _, tt := range tests {
		folder := t.TempDir()
		path := filepath.Join(folder, "log")
		w := newWriter(t, path, 5, 2)
		write(t, w, "aaa")
		if err := tt.do(t, path); err != nil {
			t.Fatal(err)
		}
		write(t, w, "bbb")
		if got := content(t, folder); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// When the old file cannot be moved nothing is lost, and not every write tries again.
func TestRotationThatFails(t *testing.T) {
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "log.1", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, filepath.Join(folder, "log"), 4, 1)
	told := 0
	w.OnRotate(func() { told++ })
	var tries []int
	for i := range 9 {
		if n, err := w.Write([]byte("a")); n != 1 {
			t.Fatal(n, err)
		} else if err != nil {
			tries = append(tries, i)
		}
	}
	if got, want := fmt.Sprint(content(t, folder), tries), "log=aaaaaaaaa log.1=-[3 7]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := os.RemoveAll(filepath.Join(folder, "log.1")); err != nil {
		t.Fatal(err)
	}
	write(t, w, "b", "b", "b", "c")
	if got := content(t, folder); got != "log=c log.1=aaaaaaaaabbb" || told != 1 {
		t.Error(got, told)
	}
}

func TestReopenAndClear(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "log")
	w := newWriter(t, path, 100, 2)
	write(t, w, "one")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	write(t, w, "two")
	if err := w.Reopen(); err != nil {
		t.Fatal(err)
	}
	write(t, w, "three")
	if got := content(t, folder); got != "log=three log.old=onetwo" {
		t.Error(got)
	}
	if err := w.Clear(); err != nil {
		t.Fatal(err)
	}
	write(t, w, "four")
	if got := content(t, folder); got != "log=four log.old=onetwo" {
		t.Error(got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := w.Clear(); err != nil {
		t.Errorf("clear a log that is gone: %v", err)
	}
	if got := content(t, folder); got != "log= log.old=onetwo" {
		t.Error(got)
	}
}

func TestReopenThatFailsKeepsTheFile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, filepath.Join(folder, "log"), 0, 0)
	if err := os.Rename(folder, folder+".old"); err != nil {
		t.Fatal(err)
	}
	if err := w.Reopen(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reopen: %v", err)
	}
	write(t, w, "kept")
	if got := content(t, folder+".old"); got != "log=kept" {
		t.Error(got)
	}
}

func TestNewThatFails(t *testing.T) {
	folder := t.TempDir()
	if _, err := New(filepath.Join(folder, "none", "log"), 0, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := New(folder, 0, 0); !errors.Is(err, unix.EISDIR) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := New("/dev/fd/987654", 0, 0); err == nil {
		t.Error("a descriptor that is not open")
	}
	fifo := filepath.Join(folder, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(fifo, 0, 0); !errors.Is(err, unix.ENXIO) {
		t.Errorf("a FIFO that nobody reads: %v", err)
	}
}

func TestCloseEndsWriting(t *testing.T) {
	w := newWriter(t, filepath.Join(t.TempDir(), "log"), 0, 0)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("write: %v", err)
	}
	if err := w.Reopen(); err != nil {
		t.Fatal(err)
	}
	write(t, w, "y")
}

// A pipe is written to by the name of its descriptor, as /dev/stdout in a container is, and never rotated or removed.
func TestStream(t *testing.T) {
	r, pw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer pw.Close()
	for _, folder := range []string{"/dev/fd/", "/proc/self/fd/"} {
		path := fmt.Sprintf("%s%d", folder, pw.Fd())
		w := newWriter(t, path, 2, 3)
		write(t, w, "aaa")
		if err := errors.Join(w.Clear(), w.Reopen()); err != nil {
			t.Fatal(err)
		}
		write(t, w, "bbb")
		buffer := make([]byte, 100)
		if n, err := r.Read(buffer); string(buffer[:n]) != "aaabbb" {
			t.Errorf("%s: %q, %v", path, buffer[:n], err)
		}
		if w.Path() != path {
			t.Errorf("path %s", w.Path())
		}
	}
}

// Standard output that is a file belongs to whoever redirected it: it grows, but is not rotated.
func TestStreamOfAFile(t *testing.T) {
	folder := t.TempDir()
	file, err := os.Create(filepath.Join(folder, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := newWriter(t, fmt.Sprintf("/dev/fd/%d", file.Fd()), 2, 3)
	write(t, w, "aaa", "bbb")
	if err := w.Clear(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, folder); got != "out=aaabbb" {
		t.Error(got)
	}
}

// Standard output that is a socket (systemd's journal) cannot be opened by name. A datagram for each chunk shows that each
// is one write.
func TestStreamOfASocket(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	w := newWriter(t, fmt.Sprintf("/dev/fd/%d", fds[0]), 10, 3)
	chunks := []string{"a", strings.Repeat("b", 20000), "c\nd\n"}
	write(t, w, chunks...)
	buffer := make([]byte, 30000)
	for _, want := range chunks {
		if n, err := unix.Read(fds[1], buffer); string(buffer[:n]) != want {
			t.Errorf("%d bytes, %v; want %d", n, err, len(want))
		}
	}
}

// A full pipe holds up its writer alone: Reopen and Close still work, and Close ends the write.
func TestStreamThatIsFull(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	w := newWriter(t, fifo, 10, 1)
	result := make(chan error, 1)
	go func() {
		_, err := w.Write(make([]byte, 1<<20))
		result <- err
	}()
	if _, err := io.ReadFull(reader, make([]byte, 1000)); err != nil { // the writer is under way
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-result:
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("write: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the write did not end")
	}
}

func TestConcurrentUse(t *testing.T) {
	folder := t.TempDir()
	w := newWriter(t, filepath.Join(folder, "log"), 1000, 1000)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			line := bytes.Repeat([]byte{byte('a' + i)}, 9)
			for range 200 {
				if _, err := w.Write(append(line, '\n')); err != nil {
					t.Error(err)
				}
				if err := w.Reopen(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	lines := 0
	for _, file := range strings.Fields(strings.ReplaceAll(content(t, folder), "=", " ")) {
		if len(file) == 9 && strings.Trim(file, file[:1]) == "" {
			lines++
		}
	}
	if lines != 800 {
		t.Errorf("%d lines are whole, want 800", lines)
	}
}

func TestWriteDoesNotAllocate(t *testing.T) {
	w := newWriter(t, filepath.Join(t.TempDir(), "log"), 1<<40, 1)
	chunk := make([]byte, 4096)
	if n := testing.AllocsPerRun(100, func() { w.Write(chunk) }); n != 0 {
		t.Errorf("%v allocations a write", n)
	}
}

// BenchmarkWrite appends one chunk to a log that is rotated every 10 MiB.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{100, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			w := newWriter(b, filepath.Join(b.TempDir(), "log"), 10<<20, 2)
			chunk := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				w.Write(chunk)
			}
		})
	}
}

// BenchmarkRotate appends one line that fills the log: its 10 old files are renamed and a new one is begun.
func BenchmarkRotate(b *testing.B) {
	w := newWriter(b, filepath.Join(b.TempDir(), "log"), 1, 10)
	line := make([]byte, 100)
	for b.Loop() {
		if _, err := w.Write(line); err != nil {
			b.Fatal(err)
		}
	}
}
