package listener

import (
	"bytes"
	"net"
)

// maxHead bounds what is read of a first request to look for its Host header; net/http refuses more than that anyway.
const maxHead = maxHeaderBytes

// WithHost returns a listener whose connections may begin with an HTTP/1.1 request that lacks the Host header. Supervisor serves the
// hand-written clients that forget it; net/http insists on it, so the header is put in. Later requests of a connection pass as they
// are: a client that keeps its connection is a library, and sends one.
func WithHost(ln net.Listener) net.Listener { return hostListener{ln} }

type hostListener struct{ net.Listener }

func (l hostListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &hostConn{Conn: c}, nil
}

// hostConn holds the head of the first request back until it is complete.
type hostConn struct {
	net.Conn
	checked bool
	buf     []byte // read and not yet given away
	err     error  // of the connection, to be told after buf
}

func (c *hostConn) Read(p []byte) (int, error) {
	if !c.checked {
		c.readHead()
	}
	if len(c.buf) > 0 {
		n := copy(p, c.buf)
		c.buf = c.buf[n:]
		return n, nil
	}
	if c.err != nil {
		err := c.err
		c.err = nil
		return 0, err
	}
	return c.Conn.Read(p)
}

// CloseWrite lets http.Server say goodbye without losing what it wrote last.
func (c *hostConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// readHead reads up to the empty line that ends the head, and puts the missing header after the request line. An error of the
// connection, a deadline among them, ends the search: net/http sees what there is.
func (c *hostConn) readHead() {
	chunk := make([]byte, 4096)
	for !headComplete(c.buf) && len(c.buf) < maxHead && c.err == nil {
		var n int
		n, c.err = c.Conn.Read(chunk)
		c.buf = append(c.buf, chunk[:n]...)
	}
	c.checked = true
	head := c.buf[:min(len(c.buf), maxHead)]
	end := bytes.IndexByte(head, '\n')
	if end < 0 || !bytes.Contains(head[:end], []byte(" HTTP/1.1")) || hasHost(head[end+1:]) {
		return
	}
	rest := append([]byte("Host: localhost\r\n"), c.buf[end+1:]...)
	c.buf = append(c.buf[:end+1:end+1], rest...)
}

func headComplete(b []byte) bool {
	return bytes.Contains(b, []byte("\r\n\r\n")) || bytes.Contains(b, []byte("\n\n"))
}

// hasHost looks for the header in the lines that follow the request line.
func hasHost(head []byte) bool {
	for line := range bytes.Lines(head) {
		if len(bytes.TrimSpace(line)) == 0 {
			return false // the end of the head
		}
		if name, _, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(name, []byte("host")) {
			return true
		}
	}
	return false
}
