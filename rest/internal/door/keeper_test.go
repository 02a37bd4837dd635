package door

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestBodyTimeout: a body has 30 s, and what is done with it has more.
func TestBodyTimeout(t *testing.T) {
	for _, tt := range []struct{ sent, want string }{
		{"Content-Length: 2\r\n\r\n{}", "200 \"{}\" 0 after 1h0m0s"},
		{"\r\n", "200 \"\" 0 after 1h0m0s"},
		{"Content-Length: 3\r\n\r\n{}", "200 \"\" 408 after 30s"},
	} {
		synctest.Test(t, func(t *testing.T) {
			keeper, err := NewKeeper(Door{}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			client, conn := net.Pipe()
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				start := time.Now()
				data, status := keeper.Body(w, r, 10)
				if status == 0 {
					select {
					case <-r.Context().Done(): // what net/http does when reading fails
					case <-time.After(time.Hour):
					}
				}
				fmt.Fprintf(w, "%q %d after %s", data, status, time.Since(start))
			})}
			defer server.Close()
			go server.Serve(&single{conn: conn, closed: make(chan struct{})})
			if _, err := io.WriteString(client, "POST / HTTP/1.0\r\n"+tt.sent); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(client) // the server ends it
			if head, text, _ := strings.Cut(string(answer), "\r\n\r\n"); err != nil || strings.Fields(head)[1]+" "+text != tt.want {
				t.Errorf("%s, %v", answer, err)
			}
		})
	}
}

// single is a listener with one connection.
type single struct {
	conn   net.Conn
	closed chan struct{}
}

func (s *single) Accept() (net.Conn, error) {
	if conn := s.conn; conn != nil {
		s.conn = nil
		return conn, nil
	}
	<-s.closed
	return nil, net.ErrClosed
}

func (s *single) Close() error {
	close(s.closed)
	return nil
}

func (s *single) Addr() net.Addr { return &net.UnixAddr{} }
