package listener

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestWithHost: a first request without Host is served like any other; everything else is as without WithHost.
func TestWithHost(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Host, r.URL.Path, body)
	})}
	go server.Serve(WithHost(ln))
	defer server.Close()
	for _, tt := range []struct {
		name, request string
		pieces        int
		status        int
		body          string
	}{
		{"without", "POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", 1, 200, "localhost /a hi"},
		{"without, byte by byte", "POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", 99, 200, "localhost /a hi"},
		{"with", "GET /b HTTP/1.1\r\nHost: there\r\n\r\n", 1, 200, "there /b "},
		{"lower case", "GET /b HTTP/1.1\r\nhost: there\r\n\r\n", 3, 200, "there /b "},
		{"old protocol", "GET /c HTTP/1.0\r\n\r\n", 1, 200, " /c "},
		{"in the body only", "POST /d HTTP/1.1\r\nContent-Length: 9\r\n\r\nHost: x\r\n", 1, 200, "localhost /d Host: x\r\n"},
		{"garbage", "\x16\x03\x01\r\n\r\n", 1, 400, "400 Bad Request"},
		{"bare line feeds", "GET /e HTTP/1.1\n\n", 1, 200, "localhost /e "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			size := max(1, len(tt.request)/tt.pieces)
			for rest := tt.request; rest != ""; {
				n := min(size, len(rest))
				if _, err := io.WriteString(c, rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || !strings.HasPrefix(string(body), tt.body) {
				t.Errorf("status %d, %q, %v; want %d, %q", resp.StatusCode, body, err, tt.status, tt.body)
			}
		})
	}
}
