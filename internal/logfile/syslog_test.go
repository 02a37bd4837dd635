package logfile

import (
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// listenSyslog is a syslog of the test's own.
func listenSyslog(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	return conn
}

func newSyslog(t *testing.T, path, prefix string) *Syslog {
	t.Helper()
	s, err := NewSyslog("supervisord", prefix)
	if err != nil {
		t.Fatal(err)
	}
	s.address.Name = path
	t.Cleanup(func() { s.Close() })
	return s
}

func receive(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	buffer := make([]byte, 1<<17)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return string(buffer[:n])
}

func TestSyslogMessages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	conn := listenSyslog(t, path)
	s := newSyslog(t, path, "cat ")
	long := strings.Repeat("x", 60_000)
	write(t, s, "one\ntwo\n", "three", "\n", "a\n\nb\n", long)
	form := regexp.MustCompile(`^<14>[A-Z][a-z]{2} [ 1-3][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} supervisord: (.*)$`)
	for _, want := range []string{"cat one", "cat two", "cat three", "cat ", "cat a", "cat ", "cat b", "cat " + long} {
		message := receive(t, conn)
		if m := form.FindStringSubmatch(message); m == nil || m[1] != want {
			t.Errorf("%.200q, want the line %.200q", message, want)
		}
	}
}

// A syslog that is absent loses lines, says so, and is used again when it is back.
func TestSyslogRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	s := newSyslog(t, path, "")
	if n, err := s.Write([]byte("lost\n")); n != 0 || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no syslog: %d, %v", n, err)
	}
	for _, text := range []string{"first", "second"} {
		conn := listenSyslog(t, path)
		write(t, s, text)
		if message := receive(t, conn); !strings.HasSuffix(message, "supervisord: "+text) {
			t.Errorf("%q, want %s", message, text)
		}
		conn.Close()
		if _, err := s.Write([]byte("lost")); err == nil {
			t.Error("a message to nobody is no error")
		}
		if err := unix.Unlink(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// A syslog that hangs blocks nobody.
func TestSyslogThatHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	listenSyslog(t, path)
	s := newSyslog(t, path, "")
	for i := range 100_000 {
		if _, err := s.Write([]byte("line")); err != nil {
			if !errors.Is(err, unix.EAGAIN) || i == 0 {
				t.Errorf("after %d messages: %v", i, err)
			}
			return
		}
	}
	t.Error("100,000 messages that nobody reads are no error")
}

func TestSyslogClosed(t *testing.T) {
	s := newSyslog(t, "/none", "")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte("x")); !errors.Is(err, unix.EBADF) {
		t.Errorf("write: %v", err)
	}
	if err := s.Close(); !errors.Is(err, unix.EBADF) {
		t.Errorf("close again: %v", err)
	}
}
