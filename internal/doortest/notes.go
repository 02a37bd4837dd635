package doortest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Notes are the calls that a fake was given, from any goroutine.
type Notes struct {
	Err error // what Note returns: each call fails with it

	mu    sync.Mutex
	calls []string
}

// Note adds a call.
func (n *Notes) Note(format string, args ...any) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls = append(n.calls, strings.TrimSpace(fmt.Sprintf(format, args...)))
	return n.Err
}

// Taken returns what was noted since the last time.
func (n *Notes) Taken() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	calls := n.calls
	n.calls = nil
	return calls
}

// Wait is a call that ends with its context.
type Wait struct {
	began chan struct{}
	ended chan error
}

// NewWait returns a call that has not begun.
func NewWait() Wait { return Wait{make(chan struct{}), make(chan error, 1)} }

// For is the call, which may be made once.
func (w Wait) For(ctx context.Context) error {
	close(w.began)
	<-ctx.Done()
	w.ended <- ctx.Err()
	return ctx.Err()
}

// Leave sends a request that leads to the call, leaves as soon as that has begun, and demands that it ends too.
func (w Wait) Leave(t *testing.T, verb, url, body string) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-w.began
		leave()
	}()
	r, err := http.NewRequestWithContext(ctx, verb, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
		t.Error(resp.Status)
	}
	select {
	case err := <-w.ended:
		if err != context.Canceled {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the call goes on waiting")
	}
}
