package trust

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// open returns the store of a new directory.
func open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "state", "trust"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// put writes a file past the store.
func put(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// sample returns a file of testdata.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestModes(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	s := open(t)
	if err := s.Write("ops.pem", sample(t, "rsa.pem")); err != nil {
		t.Fatal(err)
	}
	syscall.Umask(0)
	if err := s.Write("dev.pem", sample(t, "rsa.pem")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{filepath.Dir(s.dir): 0o700, s.dir + "/ops.pem": 0o644, s.dir + "/dev.pem": 0o644} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestDirectoryThatOthersMayWrite(t *testing.T) {
	for mode, ok := range map[fs.FileMode]bool{0o700: true, 0o755: true, 0o775: false, 0o757: false, 0o702: false} {
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), fmt.Sprintf("%s may be written by others (mode %04o)", dir, mode)) {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, nil)
	for _, dir := range []string{file, file + "/below"} {
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "not a directory") {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if os.Geteuid() != 0 {
		return
	}
	dir := t.TempDir()
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Skip("root of this user namespace cannot give a directory away:", err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
		t.Errorf("a directory of somebody else: %v", err)
	}
}

// TestFiles writes, lists, reads and removes.
func TestFiles(t *testing.T) {
	s := open(t)
	names := func(want ...string) {
		t.Helper()
		if got, err := s.Names(); err != nil || !slices.Equal(got, want) {
			t.Errorf("there are %q, %v, want %q", got, err, want)
		}
	}
	names()
	long := strings.Repeat("x", 128) + ".pem"
	for _, name := range []string{"b.pem", long, "A-1_.pem.pem"} {
		if err := s.Write(name, sample(t, "rsa.pem")); err != nil {
			t.Error(err)
		}
	}
	if err := s.Write("b.pem", sample(t, "ed25519.pem")); err != nil {
		t.Error(err)
	}
	if got, err := s.Read("b.pem"); err != nil || !bytes.Equal(got, sample(t, "ed25519.pem")) {
		t.Errorf("got %q, %v", got, err)
	}
	names("A-1_.pem.pem", "b.pem", long)
	if err := s.Remove(long); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{"removed again": s.Remove(long), "read": func() error { _, err := s.Read(long); return err }()} {
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), long) {
			t.Errorf("%s: %v", what, err)
		}
	}
	names("A-1_.pem.pem", "b.pem")
	again, err := Open(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Read("b.pem"); err != nil || !bytes.Equal(got, sample(t, "ed25519.pem")) {
		t.Errorf("opened again: %q, %v", got, err)
	}
}

func TestNamesThatNoFileHas(t *testing.T) {
	s := open(t)
	put(t, filepath.Dir(s.dir)+"/out.pem", sample(t, "rsa.pem"))
	if err := os.Mkdir(s.dir+"/d", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".pem", "x", "x.pem\n", "x.PEM", "../out.pem", "d/../../out.pem", "/etc/x.pem", "a b.pem", "ä.pem", "x\x00.pem",
		strings.Repeat("x", 129) + ".pem"} {
		if err := s.Write(name, sample(t, "rsa.pem")); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q is written: %v", name, err)
		}
		if data, err := s.Read(name); data != nil || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q is read: %v", name, err)
		}
		if err := s.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q is removed: %v", name, err)
		}
	}
	if entries, _ := os.ReadDir(s.dir); len(entries) != 1 {
		t.Errorf("there are %v", entries)
	}
}

func TestContents(t *testing.T) {
	s := open(t)
	both := slices.Concat([]byte("subject: ops\n"), sample(t, "rsa.pem"), sample(t, "ed25519.pem"), []byte("the end\n"))
	if err := s.Write("both.pem", both); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":       {nil, "neither a certificate nor a public key"},
		"text":          {[]byte("host\n"), "neither a certificate nor a public key"},
		"private key":   {slices.Concat(both, block("PRIVATE KEY", []byte{1})), `a "PRIVATE KEY" is neither`},
		"a broken key":  {slices.Concat(both, block("PUBLIC KEY", []byte{1})), "asn1:"},
		"a broken cert": {block("CERTIFICATE", nil), "x509:"},
		"a broken rsa":  {block("RSA PUBLIC KEY", []byte{1}), "asn1:"},
	} {
		if err := s.Write("x.pem", c.data); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "/x.pem: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names, _ := s.Names(); !slices.Equal(names, []string{"both.pem"}) {
		t.Errorf("there are %q", names)
	}
}

func TestLimits(t *testing.T) {
	s := open(t)
	key := sample(t, "ed25519.pem")
	most := append(bytes.Repeat([]byte("\n"), maxFile-len(key)), key...)
	if err := s.Write("most.pem", most); err != nil {
		t.Error(err)
	}
	if got, err := s.Read("most.pem"); err != nil || len(got) != maxFile {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	if err := s.Write("most.pem", append(most, '\n')); !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "/most.pem: ") {
		t.Errorf("one more byte: %v", err)
	}
	put(t, s.dir+"/more.pem", append(most, '\n'))
	if data, err := s.Read("more.pem"); data != nil || !errors.Is(err, ErrLimit) {
		t.Errorf("got %d bytes, %v", len(data), err)
	}
	for n := 2; n < maxFiles; n++ {
		put(t, fmt.Sprintf("%s/%d.pem", s.dir, n), key)
	}
	if err := s.Write("new.pem", key); !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "/new.pem: ") {
		t.Errorf("one more file: %v", err)
	}
	if err := s.Write("most.pem", key); err != nil {
		t.Errorf("an old file: %v", err)
	}
	if err := errors.Join(s.Remove("more.pem"), s.Write("new.pem", key)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// TestWhatIsNoFileOfOurs puts into the directory what nobody should find there.
func TestWhatIsNoFileOfOurs(t *testing.T) {
	s := open(t)
	outside := filepath.Join(t.TempDir(), "outside.pem")
	put(t, outside, sample(t, "ed25519.pem"))
	put(t, s.dir+"/open.pem", sample(t, "ed25519.pem"))
	put(t, s.dir+"/README", sample(t, "ed25519.pem"))
	for _, err := range []error{os.Symlink(outside, s.dir+"/link.pem"), syscall.Mkfifo(s.dir+"/pipe.pem", 0o600),
		os.Mkdir(s.dir+"/dir.pem", 0o700), os.Chmod(s.dir+"/open.pem", 0o666), os.Symlink(outside, s.dir+"/new.pem.new")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if names, err := s.Names(); err != nil || !slices.Equal(names, []string{"open.pem"}) {
		t.Errorf("there are %q, %v", names, err)
	}
	for _, name := range []string{"link.pem", "pipe.pem", "dir.pem", "open.pem"} {
		if data, err := s.Read(name); data != nil || err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is read: %v", name, err)
		}
	}
	_, err := s.Verify(sample(t, "rules.xml"), sample(t, "ed25519.sig"))
	if !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), "open.pem cannot be used: ") {
		t.Errorf("got %v", err)
	}
	if err := s.Write("new.pem", sample(t, "rsa.pem")); err != nil {
		t.Error(err)
	}
	if data, _ := os.ReadFile(outside); !bytes.Equal(data, sample(t, "ed25519.pem")) {
		t.Error("a link that was in the way has been followed")
	}
}

// TestManyWritesAtOnce has readers that must find a whole file.
func TestManyWritesAtOnce(t *testing.T) {
	s := open(t)
	contents := [][]byte{sample(t, "rsa.pem"), sample(t, "ed25519.pem"), sample(t, "ec384.pem")}
	if err := s.Write("a.pem", contents[0]); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, content := range contents {
		all.Go(func() {
			for range 20 {
				if err := s.Write("a.pem", content); err != nil {
					t.Error(err)
				}
				got, err := s.Read("a.pem")
				if err != nil || !slices.ContainsFunc(contents, func(c []byte) bool { return bytes.Equal(c, got) }) {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
	all.Wait()
	if entries, err := os.ReadDir(s.dir); err != nil || len(entries) != 1 {
		t.Errorf("there are %v, %v", entries, err)
	}
}
