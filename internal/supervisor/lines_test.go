package supervisor

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// gate is a terminal that takes lines only while it is open.
type gate struct {
	syncBuffer
	open chan struct{}
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.syncBuffer.Write(p)
}

func TestLineQueueNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		q := newLineQueue(g, 3)
		line := make([]byte, 0, 10)
		for i := range 10 {
			line = fmt.Appendf(line[:0], "line %d\n", i) // the caller uses its buffer again
			if _, err := q.Write(line); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		close(g.open)
		synctest.Wait()
		if _, err := q.Write([]byte("late\n")); err != nil {
			t.Fatal(err)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		if got, want := g.buf.String(), "line 0\nline 1\nline 2\nline 3\n(6 lines lost)\nlate\n"; got != want {
			t.Errorf("written:\n%swant:\n%s", got, want)
		}
		if _, err := q.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if err := q.Close(); err != nil {
			t.Errorf("a second Close: %v", err)
		}
	})
}

func TestLineQueueGivesUpOnATerminalThatIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		q := newLineQueue(g, 3)
		_, _ = q.Write([]byte("x\n"))
		begin := time.Now()
		if err := q.Close(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != flushTime {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		close(g.open)
		synctest.Wait()
		if got := g.buf.String(); got != "x\n" {
			t.Errorf("written %q", got)
		}
	})
}
