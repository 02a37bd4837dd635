package publish

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestEncodeMessage(t *testing.T) {
	short, long := strings.Repeat("s", 255), strings.Repeat("l", 256)
	for body, want := range map[string]string{
		"":    "\x01\x06pstats\x00\x00",
		short: "\x01\x06pstats\x00\xff" + short,
		long:  "\x01\x06pstats\x02\x00\x00\x00\x00\x00\x00\x01\x00" + long,
	} {
		if got := string(encodeMessage("pstats", []byte(body))); got != want {
			t.Errorf("%d bytes: %q", len(body), got)
		}
	}
}

func TestReadFrame(t *testing.T) {
	for _, c := range []struct {
		name, in      string
		command, data string
		err           error
	}{
		{"message", "\x00\x03\x01ab", "", "\x01ab", nil},
		{"part of a message", "\x01\x03\x01ab", "", "\x01ab", nil},
		{"empty", "\x00\x00", "", "", nil},
		{"long form", "\x02\x00\x00\x00\x00\x00\x00\x00\x02\x01a", "", "\x01a", nil},
		{"command", "\x04\x08\x04PINGabc", "PING", "abc", nil},
		{"long command", "\x06\x00\x00\x00\x00\x00\x00\x00\x05\x04PING", "PING", "", nil},
		{"as long as may be", "\x02\x00\x00\x00\x00\x00\x00\x20\x00" + strings.Repeat("m", maxFrame), "", strings.Repeat("m", maxFrame), nil},
		{"too long", "\x02\x00\x00\x00\x00\x00\x00\x20\x01", "", "", errTooLong},
		{"much too long", "\x02\xff\xff\xff\xff\xff\xff\xff\xff", "", "", errTooLong},
		{"unknown flag", "\x08\x00", "", "", errFrame},
		{"part of a command", "\x05\x05\x04PING", "", "", errFrame},
		{"command without name", "\x04\x00", "", "", errFrame},
		{"command with an empty name", "\x04\x01\x00", "", "", errFrame},
		{"command with half a name", "\x04\x03\x04PI", "", "", errFrame},
		{"nothing", "", "", "", io.EOF},
		{"half a head", "\x00", "", "", io.ErrUnexpectedEOF},
		{"half a long head", "\x02\x00", "", "", io.ErrUnexpectedEOF},
		{"a long head alone", "\x02\x00\x00\x00\x00\x00\x00\x00\x02", "", "", io.ErrUnexpectedEOF},
		{"half a body", "\x00\x03\x01a", "", "", io.ErrUnexpectedEOF},
	} {
		f, err := readFrame(strings.NewReader(c.in))
		if f.command != c.command || string(f.data) != c.data || !errors.Is(err, c.err) {
			t.Errorf("%s: %q %q %v", c.name, f.command, f.data, err)
		}
	}
}

// script is a client that says what it has to say and hangs up.
type script struct {
	io.Reader
	bytes.Buffer
}

func (s *script) Read(b []byte) (int, error) { return s.Reader.Read(b) }

func (s *script) Close() error                     { return nil }
func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

func TestShake(t *testing.T) {
	const ready, hello = readyPub, ""
	property := func(value string) string { return "\x0bSocket-Type\x00\x00\x00" + string(rune(len(value))) + value }
	command := func(body string) string { return "\x04" + string(rune(len(body))) + body }
	for _, c := range []struct{ name, in, answer, err string }{
		{"SUB", peerGreeting + readySub, ready, ""},
		{"XSUB", peerGreeting + command("\x05READY"+property("XSUB")), ready, ""},
		{"version 3.0", peerGreeting[:11] + "\x00" + peerGreeting[12:] + readySub, ready, ""},
		{"a later version", peerGreeting[:10] + "\x04\x00" + peerGreeting[12:] + readySub, ready, ""},
		{"other signature", "\xff12345678\x7f" + peerGreeting[10:] + readySub, ready, ""},
		{"as a server", peerGreeting[:32] + "\x01" + peerGreeting[33:] + readySub, ready, ""},
		{"more properties", peerGreeting + command("\x05READY\x08Identity\x00\x00\x00\x02me"+property("SUB")+"\x01X\x00\x00\x00\x00"), ready, ""},
		{"names in capitals", peerGreeting + command("\x05READY\x0bSOCKET-TYPE\x00\x00\x00\x03SUB"), ready, ""},

		{"silence", "", hello, "EOF"},
		{"1.0", "\x01\x00\x00\x01", hello, "not ZMTP, or ZMTP 1.0"},
		{"1.0 with a long identity", "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x00", hello, "ZMTP 1.0 is not supported"},
		{"2.0", "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x01\x02\x00\x00", hello, "ZMTP before 3.0 is not supported"},
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", hello, "not ZMTP, or ZMTP 1.0"},
		{"half a signature", peerGreeting[:5], hello, "unexpected EOF"},
		{"a signature alone", peerGreeting[:10], hello, "unexpected EOF"},
		{"half a greeting", peerGreeting[:30], hello, "unexpected EOF"},
		{"PLAIN", peerGreeting[:12] + "PLAIN" + peerGreeting[17:], hello, `security mechanism "PLAIN" is not supported`},
		{"NULLS", peerGreeting[:12] + "NULLS" + peerGreeting[17:], hello, `security mechanism "NULLS" is not supported`},

		{"no READY", peerGreeting, ready, "unexpected EOF"},
		{"PULL", peerGreeting + command("\x05READY"+property("PULL")), ready + "\x04\x26\x05ERROR\x1fsocket type must be SUB or XSUB",
			"socket type must be SUB or XSUB"},
		{"PUB", peerGreeting + readyPub, ready + "\x04\x26\x05ERROR\x1fsocket type must be SUB or XSUB", "socket type must be SUB or XSUB"},
		{"no type", peerGreeting + command("\x05READY"), ready + "\x04\x26\x05ERROR\x1fsocket type must be SUB or XSUB",
			"socket type must be SUB or XSUB"},
		{"subscription before READY", peerGreeting + "\x00\x01\x01", ready + "\x04\x18\x05ERROR\x11READY is expected", "READY is expected"},
		{"HELLO", peerGreeting + command("\x05HELLO"), ready + "\x04\x18\x05ERROR\x11READY is expected", "READY is expected"},
		{"ERROR", peerGreeting + command("\x05ERROR\x02no"), ready + "\x04\x1c\x05ERROR\x15refused by the client", "refused by the client"},
		{"half a name", peerGreeting + command("\x05READY\x0bSocket"), ready + "\x04\x1b\x05ERROR\x14malformed properties", "malformed properties"},
		{"no value", peerGreeting + command("\x05READY\x01X\x00\x00"), ready + "\x04\x1b\x05ERROR\x14malformed properties", "malformed properties"},
		{"half a value", peerGreeting + command("\x05READY\x01X\xff\xff\xff\xffabc"), ready + "\x04\x1b\x05ERROR\x14malformed properties",
			"malformed properties"},
		{"a frame without end", peerGreeting + "\x06\x7f\xff\xff\xff\xff\xff\xff\xff", ready, "frame is too long"},
	} {
		s := &script{Reader: strings.NewReader(c.in)}
		err := shake(s)
		if got := s.String(); got != string(greeting())+c.answer {
			t.Errorf("%s: answer %q", c.name, got[min(len(got), 64):])
		}
		if (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// FuzzZMTP lets a client say anything. Whatever it is, the server's words are well formed, and when the client ends, so does all that
// it has asked for.
func FuzzZMTP(f *testing.F) {
	for _, seed := range []string{
		peerGreeting + readySub + "\x00\x01\x01\x00\x08\x01process\x00\x08\x00process",
		peerGreeting + readySub + "\x04\x0b\x09SUBSCRIBEe\x04\x08\x06CANCELe",
		peerGreeting + readySub + "\x04\x0a\x04PING\x00\x0aabc\x00\x02\x01p",
		peerGreeting + readySub + "\x02\x00\x00\x00\x00\x00\x00\x00\x02\x01a",
		peerGreeting + "\x04\x0d\x05READY\x01X\x00\x00\x00\x01y",
		"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x01\x02\x00\x00",
		"GET / HTTP/1.1\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		h := NewHub()
		s := &script{Reader: bytes.NewReader(in)}
		err := shake(s)
		if err == nil {
			c := &zmqClient{hub: h, conn: s, sub: h.join(pub, 0), prefixes: make(prefixes)}
			err = c.listen()
			checkPrefixes(t, c)
			h.leave(c.sub)
		}
		if err == nil {
			t.Fatal("no end")
		}
		if got := wants(h); got != nil {
			t.Fatalf("wanted afterwards: %v", got)
		}
		out, ok := bytes.CutPrefix(s.Bytes(), greeting())
		if !ok {
			t.Fatal("no greeting")
		}
		for r := bytes.NewReader(out); r.Len() > 0; {
			f, err := readFrame(r)
			if err != nil || f.command != "READY" && f.command != "ERROR" && f.command != "PONG" || len(f.data) > 255 {
				t.Fatalf("said %q %q %v", f.command, f.data, err)
			}
		}
	})
}

func checkPrefixes(t *testing.T, c *zmqClient) {
	for prefix := range c.prefixes {
		if matching(prefix) == 0 {
			t.Fatalf("useless %q", prefix)
		}
	}
	if c.sub.wants != c.prefixes.wants() {
		t.Fatalf("the hub knows %b of %b", c.sub.wants, c.prefixes.wants())
	}
}
