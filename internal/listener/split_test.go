package listener

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// start opens a split port and serves "hello" over HTTP on it.
func start(t *testing.T, silence time.Duration) (*Split, string) {
	t.Helper()
	ln, err := Address{Host: "127.0.0.1"}.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := NewSplit(ln, silence, discard())
	srv := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }), discard())
	go srv.Serve(s.HTTP)
	t.Cleanup(func() {
		srv.Close()
		s.Close()
	})
	return s, s.Addr().String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func get(t *testing.T, addr string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := client.Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSplitByFirstByte(t *testing.T) {
	s, addr := start(t, Silence)
	for _, c := range []struct {
		first byte
		ln    net.Listener
	}{{StreamByte, s.Streams}, {PacketByte, s.Packets}} {
		out := dial(t, addr)
		if _, err := out.Write(append([]byte{c.first}, "payload"...)); err != nil {
			t.Fatal(err)
		}
		in, err := c.ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 7)
		if _, err := io.ReadFull(in, got); err != nil || string(got) != "payload" {
			t.Errorf("byte %#x: %q %v", c.first, got, err)
		}
		in.Close()
	}
	if got := get(t, addr); got != "hello" {
		t.Errorf("HTTP: %q", got)
	}
	// what is neither is for the HTTP server to refuse
	junk := dial(t, addr)
	fmt.Fprintf(junk, "\x00\x01\x02\r\n\r\n")
	if b, _ := io.ReadAll(junk); !bytes.HasPrefix(b, []byte("HTTP/1.1 400")) {
		t.Errorf("junk: %q", b)
	}
}

func TestThousandSilentConnections(t *testing.T) {
	_, addr := start(t, time.Minute)
	before := runtime.NumGoroutine()
	conns := make([]net.Conn, 1000)
	for i := range conns {
		conns[i] = dial(t, addr)
	}
	began := time.Now()
	if got := get(t, addr); got != "hello" {
		t.Errorf("HTTP: %q", got)
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("an answer took %v", d)
	}
	for _, c := range conns {
		c.Close()
	}
	eventually(t, "the goroutines end", func() bool { return runtime.NumGoroutine() < before+10 })
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline, tick := time.After(10*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

func TestSilentConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipeListener()
		s := NewSplit(ln, Silence, discard())
		defer s.Close()
		began := time.Now()
		near, far := net.Pipe()
		ln.results <- far
		if _, err := near.Read(make([]byte, 1)); err != io.EOF || time.Since(began) != Silence {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		// the deadline is for the first byte only: what comes after it is for the owner of the connection to limit
		near, far = net.Pipe()
		ln.results <- far
		near.Write([]byte{StreamByte})
		in, err := s.Streams.Accept()
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(10*Silence, func() { near.Write([]byte("x")) })
		if n, err := in.Read(make([]byte, 1)); n != 1 {
			t.Errorf("read %d: %v", n, err)
		}
		in.Close()
	})
}

// pipeListener gives connections and errors by hand.
type pipeListener struct {
	results chan any
	done    chan struct{}
	once    sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{results: make(chan any, 100), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case r := <-l.results:
		if c, ok := r.(net.Conn); ok {
			return c, nil
		}
		return nil, r.(error)
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// In a bubble, a goroutine that is left behind fails the test.
func TestCloseLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipeListener()
		s := NewSplit(ln, Silence, discard())
		var ends []net.Conn
		for _, first := range []string{"", "\xfe", "\xfd", "G"} { // silent, and three that nobody accepts
			near, far := net.Pipe()
			ends = append(ends, near)
			ln.results <- far
			if first != "" {
				near.Write([]byte(first))
			}
		}
		synctest.Wait()
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Error(err)
		}
		for i, c := range ends {
			if _, err := c.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("connection %d: %v", i, err)
			}
		}
		for _, l := range []*Outlet{s.HTTP, s.Streams, s.Packets} {
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("accept after close: %v", err)
			}
		}
	})
}

func TestClosedOutletRefusesItsKindOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipeListener()
		s := NewSplit(ln, Silence, discard())
		defer s.Close()
		s.HTTP.Close()
		near, far := net.Pipe()
		ln.results <- far
		near.Write([]byte("G"))
		if _, err := near.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("HTTP connection: %v", err)
		}
		near, far = net.Pipe()
		ln.results <- far
		near.Write([]byte{StreamByte})
		c, err := s.Streams.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

// The gossip side of a port comes and goes; its HTTP side does not notice.
func TestOutletIsOpenedAgain(t *testing.T) {
	s, addr := start(t, Silence)
	say := func(first byte) net.Conn {
		t.Helper()
		c := dial(t, addr)
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte{first, 'x'}); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for range 3 {
		for _, o := range []*Outlet{s.Streams, s.Packets} {
			waiting := make(chan error)
			go func() {
				_, err := o.Accept()
				waiting <- err
			}()
			o.Close()
			if err := <-waiting; !errors.Is(err, net.ErrClosed) {
				t.Errorf("accept of a closed outlet: %v", err)
			}
		}
		for _, first := range []byte{StreamByte, PacketByte} {
			began := time.Now()
			if n, err := say(first).Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) > 2*time.Second {
				t.Errorf("byte %#x: read %d after %v: %v", first, n, time.Since(began), err)
			}
		}
		if got := get(t, addr); got != "hello" {
			t.Errorf("HTTP: %q", got)
		}
		for _, c := range []struct {
			first byte
			o     *Outlet
		}{{StreamByte, s.Streams}, {PacketByte, s.Packets}} {
			if err := errors.Join(c.o.Open(), c.o.Open()); err != nil {
				t.Fatal(err)
			}
			say(c.first)
			in, err := c.o.Accept()
			if err != nil {
				t.Fatal(err)
			}
			in.Close()
		}
	}
	s.Close()
	if err := s.Streams.Open(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("open after the end of the port: %v", err)
	}
}

// A lack of descriptors is waited for, with growing pauses, and ends when there are some again.
func TestAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipeListener()
		for range 12 {
			ln.results <- errors.New("too many open files")
		}
		near, far := net.Pipe()
		ln.results <- far
		began := time.Now()
		s := NewSplit(ln, Silence, discard())
		defer s.Close()
		near.Write([]byte{PacketByte})
		c, err := s.Packets.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		// 5+10+20+…+640 ms is 1.275 s, and four times a second
		if d := time.Since(began); d != 5275*time.Millisecond {
			t.Errorf("waited %v", d)
		}
	})
}

func TestPeekedReadsTheFirstByteAgain(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		far.Write([]byte("ET /"))
		far.Close()
	}()
	c := &peeked{Conn: near, first: 'G', unread: true}
	if n, err := c.Read(nil); n != 0 || err != nil {
		t.Errorf("empty read: %d %v", n, err)
	}
	b, err := io.ReadAll(c)
	if err != nil || string(b) != "GET /" {
		t.Errorf("%q %v", b, err)
	}
	if err := c.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("close write of a pipe: %v", err)
	}
}

func TestServerLimits(t *testing.T) {
	_, addr := start(t, Silence)
	big := dial(t, addr)
	go io.Copy(big, io.MultiReader(bytes.NewReader([]byte("GET / HTTP/1.1\r\nX: ")), bytes.NewReader(bytes.Repeat([]byte("x"), 200<<10))))
	line := make([]byte, 12)
	if _, err := io.ReadFull(big, line); err != nil || string(line) != "HTTP/1.1 431" {
		t.Errorf("huge header: %q %v", line, err)
	}
	srv := NewServer(http.NotFoundHandler(), discard())
	limits := []time.Duration{srv.ReadHeaderTimeout, srv.IdleTimeout}
	if slices.Contains(limits, 0) || srv.ReadTimeout != 0 || srv.WriteTimeout != 0 {
		t.Errorf("limits %+v", srv)
	}
}
