package publish

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

type door interface {
	Serve(context.Context, net.Listener) error
}

// journal is a log that can be asked what is in it.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(b)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// lines returns the lines that contain s.
func (j *journal) lines(s string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.DeleteFunc(strings.Split(j.buf.String(), "\n"), func(l string) bool { return !strings.Contains(l, s) })
}

// serve opens d on a port of its own. The returned function shuts it and returns what Serve has; it is called at the end in any case.
func serve(t testing.TB, d door) (addr string, shut func() error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String(), serveOn(t, d, ln)
}

func serveOn(t testing.TB, d door, ln net.Listener) (shut func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- d.Serve(ctx, ln) }()
	shut = sync.OnceValue(func() error {
		cancel()
		return <-result
	})
	t.Cleanup(func() {
		if err := shut(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return shut
}

// await waits until the hub wants exactly these headers.
func await(t testing.TB, h *Hub, wanted ...Header) {
	t.Helper()
	timeout := time.After(patience)
	for {
		if got := wants(h); slices.Equal(got, wanted) {
			return
		}
		select {
		case <-h.Demand():
		case <-timeout:
			t.Fatalf("the hub wants %v, not %v", wants(h), wanted)
		}
	}
}

func wants(h *Hub) []Header {
	var found []Header
	for header := range Header(headers) {
		if h.Wants(header) {
			found = append(found, header)
		}
	}
	return found
}

// body returns a JSON object with a number, padded to a size.
func body(n, size int) []byte {
	head := fmt.Sprintf(`{"n": %d, "pad": "`, n)
	return []byte(head + strings.Repeat("x", max(size-len(head)-2, 0)) + `"}`)
}

// number returns what body was made of.
func number(b string) (n int) {
	_, object, _ := strings.Cut(b, "{")
	if _, err := fmt.Sscanf(object, `"n": %d,`, &n); err != nil {
		return -1
	}
	return n
}

func upTo(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// pipes is a listener in memory, for bubbles.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	close func()
}

func newPipes() *pipes {
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.done) })
	return p
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close()
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(t testing.TB) net.Conn {
	here, there := net.Pipe()
	t.Cleanup(func() { here.Close() })
	p.conns <- there
	return here
}

// peer is a ZMTP client written from the specification alone, to check the door with.
type peer struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func newPeer(t testing.TB, conn net.Conn) *peer {
	conn.SetReadDeadline(time.Now().Add(patience))
	return &peer{t: t, Conn: conn, r: bufio.NewReader(conn)}
}

func dialPeer(t testing.TB, addr string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newPeer(t, conn)
}

func (p *peer) send(b ...string) {
	p.t.Helper()
	if _, err := p.Write([]byte(strings.Join(b, ""))); err != nil {
		p.t.Fatal(err)
	}
}

const (
	peerGreeting = "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x01NULL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	readySub = "\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB"
	readyPub = "\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB"
)

// shake does the handshake of a SUB socket.
func (p *peer) shake() *peer {
	p.t.Helper()
	p.greet()
	p.send(readySub)
	return p
}

// greet exchanges greetings and reads the READY of the server.
func (p *peer) greet() {
	p.t.Helper()
	var got [64]byte
	sent := make(chan struct{})
	go func() { // a pipe takes only what is read
		p.Write([]byte(peerGreeting))
		close(sent)
	}()
	if _, err := io.ReadFull(p.r, got[:]); err != nil {
		p.t.Fatal(err)
	}
	<-sent
	want := "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL" + strings.Repeat("\x00", 48)
	if string(got[:]) != want {
		p.t.Fatalf("greeting %q", got)
	}
	if flags, b := p.frame(); flags != 4 || b != readyPub[2:] {
		p.t.Fatalf("%d %q for READY", flags, b)
	}
}

func (p *peer) subscribe(prefixes ...string) *peer {
	p.t.Helper()
	for _, prefix := range prefixes {
		p.send("\x00", string(rune(1+len(prefix))), "\x01", prefix)
	}
	return p
}

func (p *peer) frame() (flags byte, body string) {
	p.t.Helper()
	flags, body, err := p.tryFrame()
	if err != nil {
		p.t.Fatal(err)
	}
	return flags, body
}

func (p *peer) tryFrame() (flags byte, body string, err error) {
	head := make([]byte, 2, 9)
	if _, err := io.ReadFull(p.r, head); err != nil {
		return 0, "", err
	}
	size := uint64(head[1])
	if head[0]&2 != 0 {
		if _, err := io.ReadFull(p.r, head[2:9]); err != nil {
			return 0, "", err
		}
		size = binary.BigEndian.Uint64(head[1:9])
	}
	b := make([]byte, size)
	_, err = io.ReadFull(p.r, b)
	return head[0], string(b), err
}

// message reads a message of two frames.
func (p *peer) message() (header, body string, err error) {
	flags, header, err := p.tryFrame()
	if err != nil {
		return "", "", err
	}
	if flags != 1 {
		return "", "", fmt.Errorf("first frame %d %q", flags, header)
	}
	flags, body, err = p.tryFrame()
	if err == nil && flags&^2 != 0 {
		err = fmt.Errorf("second frame %d %q", flags, body)
	}
	return header, body, err
}

// expect reads one message.
func (p *peer) expect(header, body string) {
	p.t.Helper()
	h, b, err := p.message()
	if err != nil || h != header || b != body {
		p.t.Fatalf("got %q %q %v, want %q %q", h, b, err, header, body)
	}
}

// closed reads until the server has closed the connection and returns what came.
func (p *peer) closed() string {
	p.t.Helper()
	b, err := io.ReadAll(p.r)
	if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
		p.t.Fatal("the connection is open")
	}
	return string(b)
}
