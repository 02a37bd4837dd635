package listener

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		in, out string // out is the String form, or part of the error after "!"
		host    string
	}{
		{"9001", "*:9001", ""},
		{":9001", "*:9001", ""},
		{"*:9001", "*:9001", ""},
		{"127.0.0.1:9001", "127.0.0.1:9001", "127.0.0.1"},
		{"LocalHost:1", "localhost:1", "localhost"},
		{" localhost : 65535 ", "localhost:65535", "localhost"},
		{"[::1]:9001", "[::1]:9001", "::1"},
		{"::1:9001", "[::1]:9001", "::1"},
		{"[::]:9001", "[::]:9001", "::"},
		{"", "!no port number", ""},
		{"host:", "!no port number", ""},
		{"abc", `!not a valid port number: "abc"`, ""},
		{"host:http", `!not a valid port number: "http"`, ""},
		{"host:0", "!not between 1 and 65535", ""},
		{"host:99999", "!not between 1 and 65535", ""},
		{"host:-1", "!not between 1 and 65535", ""},
		{"host:99999999999999999999", "!not a valid port number", ""},
	} {
		a, err := ParseAddress(c.in)
		if want, bad := strings.CutPrefix(c.out, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %v, expected %q", c.in, err, want)
			}
			continue
		}
		if err != nil || a.String() != c.out || a.Host != c.host {
			t.Errorf("%q: %+v %v", c.in, a, err)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"9001", "*:1", "[::1]:2", "a:b:3", ":"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if a.Port < 1 || a.Port > 65535 {
			t.Fatalf("%q: port %d", s, a.Port)
		}
		b, err := ParseAddress(a.String())
		if err != nil || a != b {
			t.Fatalf("%q: %+v, again %+v %v", s, a, b, err)
		}
	})
}

func TestListenTCP(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "localhost", ""} {
		ln, err := Address{Host: host}.Listen(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		port := ln.Addr().(*net.TCPAddr).Port
		c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			t.Fatalf("host %q: %v", host, err)
		}
		c.Close()
	}
}

func TestListenTCPErrors(t *testing.T) {
	ln, err := Address{Host: "127.0.0.1"}.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	taken := Address{"127.0.0.1", ln.Addr().(*net.TCPAddr).Port}
	for _, c := range []struct {
		a     Address
		errno error
		text  string
	}{
		{taken, syscall.EADDRINUSE, "Another program is already listening on a port that one of our HTTP servers is configured to use.  " +
			"Shut this program down first before starting supervisord. (" + taken.String() + ")"},
		{Address{"192.0.2.1", 9001}, syscall.EADDRNOTAVAIL, "Cannot open an HTTP server: socket.error reported errno.EADDRNOTAVAIL (99) " +
			"(192.0.2.1:9001: cannot assign requested address)"},
		{Address{"no host of this name", 9001}, nil, "Cannot open an HTTP server: no host of this name:9001: "},
	} {
		_, err := c.a.Listen(t.Context())
		var open *OpenError
		if !errors.As(err, &open) || !strings.HasPrefix(err.Error(), c.text) || c.errno != nil && !errors.Is(err, c.errno) {
			t.Errorf("%s: %v", c.a, err)
		}
	}
}
