package child

import (
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pipe returns both ends of a pipe that never block.
func pipe(t *testing.T) (read, write int) {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(ends[0]); unix.Close(ends[1]) })
	return ends[0], ends[1]
}

func runPoller(t *testing.T) (p *poller, ended chan error) {
	t.Helper()
	p, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	ended = make(chan error, 1)
	go func() { ended <- p.run() }()
	return p, ended
}

// Readiness is told once for each time that the descriptor is armed, also when it has been there before.
func TestPollerTellsOnce(t *testing.T) {
	p, _ := runPoller(t)
	defer p.close()
	read, write := pipe(t)
	told := make(chan struct{}, 10)
	if err := p.add(read, unix.EPOLLIN, func() { told <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for range 5 {
			unix.Write(write, []byte("x"))
		}
		<-told
		if len(told) != 0 {
			t.Error("told twice")
		}
		if err := p.arm(read); err != nil { // there is still something
			t.Fatal(err)
		}
		<-told
		unix.Read(read, make([]byte, 10))
		if err := p.arm(read); err != nil {
			t.Fatal(err)
		}
	}
	p.remove(read)
	if err := p.arm(read); err != nil {
		t.Errorf("arm what was removed: %v", err)
	}
	unix.Write(write, []byte("x"))
	other, feed := pipe(t)
	if err := p.add(other, unix.EPOLLIN, func() { told <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	unix.Write(feed, []byte("x"))
	<-told // that of the other pipe
	if len(told) != 0 {
		t.Error("a removed descriptor is still told")
	}
}

// Taken up again after an exec that went wrong, a descriptor is still known to the kernel.
func TestPollerTakesADescriptorTwice(t *testing.T) {
	p, _ := runPoller(t)
	defer p.close()
	read, write := pipe(t)
	told := make(chan string, 10)
	for _, name := range []string{"first", "second"} {
		if err := p.add(read, unix.EPOLLIN, func() { told <- name }); err != nil {
			t.Fatal(err)
		}
	}
	unix.Write(write, []byte("x"))
	if name := <-told; name != "second" {
		t.Errorf("told the %s", name)
	}
}

// Closing amid a stream of events ends run.
func TestPollerClosesUnderLoad(t *testing.T) {
	read, write := pipe(t)
	for range 2000 {
		p, ended := runPoller(t)
		var told atomic.Int32
		stop, writer := make(chan struct{}), make(chan struct{})
		if err := p.add(read, unix.EPOLLIN, func() { told.Add(1) }); err != nil {
			t.Fatal(err)
		}
		go func() {
			defer close(writer)
			for {
				select {
				case <-stop:
					return
				default:
					unix.Write(write, []byte("x"))
					unix.Read(read, make([]byte, 100))
					p.arm(read)
				}
			}
		}()
		for told.Load() == 0 {
			<-time.After(10 * time.Microsecond)
		}
		p.close()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Fatal("run does not end")
		}
		close(stop)
		<-writer
		if err := p.add(read, unix.EPOLLIN, nil); err != nil {
			t.Errorf("add to a closed poller: %v", err)
		}
	}
}
