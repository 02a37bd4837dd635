package logfile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// following runs a Follow and collects what it emits.
type following struct {
	t      *testing.T
	chunks chan string
	got    string
	result chan error
	cancel context.CancelFunc
}

func follow(t *testing.T, path string, back int64) *following {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &following{t: t, chunks: make(chan string), result: make(chan error, 1), cancel: cancel}
	go func() {
		f.result <- Follow(ctx, path, back, func(data []byte) error {
			select {
			case f.chunks <- string(data):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	t.Cleanup(cancel)
	return f
}

// expect waits until exactly the text has been emitted since the last expect.
func (f *following) expect(want string) {
	f.t.Helper()
	deadline := time.After(10 * time.Second)
	for f.got = ""; f.got != want; {
		select {
		case chunk := <-f.chunks:
			f.got += chunk
			if !strings.HasPrefix(want, f.got) {
				f.t.Fatalf("emitted %q, want %q", f.got, want)
			}
		case err := <-f.result:
			f.t.Fatalf("ended with %v after %q, want %q", err, f.got, want)
		case <-deadline:
			f.t.Fatalf("emitted %q within 10 s, want %q", f.got, want)
		}
	}
}

func (f *following) end() {
	f.t.Helper()
	f.cancel()
	select {
	case err := <-f.result:
		if !errors.Is(err, context.Canceled) {
			f.t.Errorf("ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		f.t.Error("does not end with its context")
	}
}

func TestFollowStart(t *testing.T) {
	path := logWith(t, text)
	for back, want := range map[int64]int64{0: 30, -5: 30, 1: 29, 30: 0, 1024: 0} {
		f := &follower{path: path}
		if err := f.start(back); err != nil || f.pos != want {
			t.Errorf("back %d: starts at %d, %v; want %d", back, f.pos, err, want)
		}
		f.close()
	}
	f := follow(t, path, 4)
	f.expect("6789")
	f.end()
}

func TestFollowGrowth(t *testing.T) {
	path := logWith(t, "")
	w := newWriter(t, path, 0, 0)
	write(t, w, "start ")
	f := follow(t, path, 1024)
	f.expect("start ")
	for _, text := range []string{"a", "line\n", strings.Repeat("x", 100_000), "", "\x00\xff", "end"} {
		write(t, w, text)
		f.expect(text)
	}
	f.end()
}

// Nothing is lost or doubled when the log is rotated, also when the last bytes of the old file were not read yet.
func TestFollowRotation(t *testing.T) {
	path := logWith(t, "")
	w := newWriter(t, path, 10, 3)
	write(t, w, "1")
	f := follow(t, path, 1024)
	f.expect("1")
	for _, text := range []string{"0123456789", "abc", "defghijklm", "nop"} {
		write(t, w, text)
		f.expect(text)
	}
	f.end()
	if _, err := os.Stat(path + ".2"); err != nil {
		t.Errorf("the log was not rotated twice: %v", err)
	}
}

func TestFollowTruncation(t *testing.T) {
	path := logWith(t, "")
	w := newWriter(t, path, 0, 0)
	write(t, w, "one")
	f := follow(t, path, 1024)
	f.expect("one")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	f.expect(Truncated)
	write(t, w, "four")
	f.expect("four")
	if err := os.Truncate(path, 2); err != nil {
		t.Fatal(err)
	}
	f.expect(Truncated + "fo")
	f.end()
}

func TestFollowReplacement(t *testing.T) {
	path := logWith(t, "")
	w := newWriter(t, path, 0, 0)
	write(t, w, "one")
	f := follow(t, path, 1024)
	f.expect("one")
	if err := w.Clear(); err != nil { // removed and created again
		t.Fatal(err)
	}
	write(t, w, "two")
	f.expect("two")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	write(t, w, "three")
	f.expect("three")
	if err := w.Reopen(); err != nil {
		t.Fatal(err)
	}
	write(t, w, "four")
	f.expect("four")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", []byte("five"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	f.expect("five")
	f.end()
}

// The target of a link is followed, whether it is the target that is replaced or the link.
func TestFollowLink(t *testing.T) {
	target := logWith(t, "one")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	f := follow(t, link, 1024)
	f.expect("one")
	if err := errors.Join(os.Rename(target, target+".1"), os.WriteFile(target, []byte("two"), 0o600)); err != nil {
		t.Fatal(err)
	}
	f.expect("two")
	other := logWith(t, "three")
	if err := errors.Join(os.Symlink(other, link+".new"), os.Rename(link+".new", link)); err != nil {
		t.Fatal(err)
	}
	f.expect("three")
	f.end()
}

func TestFollowErrors(t *testing.T) {
	path := logWith(t, text)
	if err := Follow(t.Context(), path+".gone", 0, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := Follow(t.Context(), filepath.Dir(path), 0, nil); err == nil {
		t.Error("a folder is followed")
	}
	wrong := errors.New("the client is gone")
	if err := Follow(t.Context(), path, 10, func([]byte) error { return wrong }); err != wrong {
		t.Errorf("error of emit: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Follow(ctx, path, 10, func([]byte) error { t.Error("emits"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("context that has ended: %v", err)
	}
}
