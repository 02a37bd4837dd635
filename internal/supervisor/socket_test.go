package supervisor

import (
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
)

func TestSharedSocketOfFastCGI(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.sock")
	if err := os.WriteFile(path, []byte("left over"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []config.Socket{
		{URL: "unix://" + path, Network: "unix", Address: path, Mode: 0o750, UID: -1, GID: -1, Backlog: 7},
		{URL: "tcp://127.0.0.1:0", Network: "tcp", Address: "127.0.0.1:0"},
	} {
		t.Run(c.Network, func(t *testing.T) {
			log := &syncBuffer{}
			s := &sharedSocket{config: c, log: slog.New(NewActivityHandler(slog.LevelInfo, log))}
			first, err := s.Acquire()
			if err != nil {
				t.Fatal(err)
			}
			second, err := s.Acquire()
			if err != nil || second != first {
				t.Fatalf("the second user got another socket, %v", err)
			}
			flags, err := unix.FcntlInt(first.Fd(), unix.F_GETFL, 0)
			if err != nil || flags&unix.O_NONBLOCK != 0 {
				t.Errorf("accept would not wait in the children: %v", err)
			}
			s.Release()
			address := localAddress(t, first)
			client, err := net.Dial(c.Network, address)
			if err != nil {
				t.Fatalf("nobody listens after the first Release: %v", err)
			}
			client.Close()
			if c.Network == "unix" {
				info, err := os.Stat(path)
				if err != nil || info.Mode() != fs.ModeSocket|0o750 {
					t.Errorf("mode %v, %v", info.Mode(), err)
				}
			}
			s.Release()
			if _, err := net.Dial(c.Network, address); err == nil {
				t.Error("somebody listens after the last Release")
			}
			expect(t, "log", log.take(""), []string{"INFO Creating socket " + c.URL, "INFO Closing socket " + c.URL})
			if err := s.probe(); err != nil {
				t.Errorf("it cannot be opened again: %v", err)
			}
		})
	}
}

func localAddress(t *testing.T, f *os.File) string {
	t.Helper()
	name, err := unix.Getsockname(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	switch name := name.(type) {
	case *unix.SockaddrUnix:
		return name.Name
	case *unix.SockaddrInet4:
		return (&net.TCPAddr{IP: name.Addr[:], Port: name.Port}).String()
	}
	t.Fatalf("address %v", name)
	return ""
}

func TestSocketThatCannotBeMadeKeepsTheGroupOut(t *testing.T) {
	address := filepath.Join(t.TempDir(), "none", "f.sock")
	g := config.Group{Name: "f", Kind: config.FastCGI, Socket: &config.Socket{URL: "unix://" + address, Network: "unix", Address: address}}
	log := &ActivityLog{Logger: slog.New(slog.DiscardHandler)}
	if _, err := New(&config.Config{Groups: []config.Group{g}}, Deps{Spawner: &fakeSpawner{}, Log: log, Bus: event.NewBus()}); err == nil ||
		!strings.HasPrefix(err.Error(), "add group f: create socket unix://"+address) {
		t.Errorf("got %v", err)
	}
}
