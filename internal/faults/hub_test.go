package faults

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// line is how frames get from one node to another; the zero value is a good one.
type line struct {
	cut           bool
	loss          float64 // the part that does not arrive
	delay, jitter time.Duration
}

// hub joins network namespaces, one for each node, and carries each frame to all others: what is for somebody else is dropped there. It is
// ours because bridges cannot lose frames of one direction only, and netem, which delays them, is not in every kernel.
type hub struct {
	spaces []string   // the namespaces
	ports  []*os.File // tap devices in them, called as they are

	mu    sync.Mutex
	lines func(from, to int) line
}

// newHub makes the network of a world. The plan says where its nodes are.
func newHub(t *testing.T, n int) (*hub, plan) {
	t.Helper()
	wanted(t)
	h := &hub{lines: func(int, int) line { return line{} }}
	var p plan
	t.Cleanup(h.close)
	name := fmt.Sprintf("sv%08x", rand.Uint32())
	for i := range n {
		space, address := fmt.Sprintf("%s-%d", name, i), fmt.Sprintf("10.0.0.%d", i+1)
		if err := command("ip", "netns", "add", space); err != nil {
			t.Skipf("network namespaces cannot be made: %v", err)
		}
		h.spaces = append(h.spaces, space)
		port, err := newPort(space)
		if err != nil {
			t.Skipf("there are no tap devices: %v", err)
		}
		h.ports = append(h.ports, port)
		for _, args := range [][]string{
			{"ip", "link", "set", space, "netns", space}, {"ip", "-n", space, "addr", "add", address + "/24", "dev", space},
			{"ip", "-n", space, "link", "set", "lo", "up"}, {"ip", "-n", space, "link", "set", space, "up"},
		} {
			if err := command(args...); err != nil {
				t.Fatal(err)
			}
		}
		p.hosts, p.enter = append(p.hosts, address), append(p.enter, []string{"ip", "netns", "exec", space})
	}
	for from := range h.ports {
		go h.carry(from)
	}
	return h, p
}

// newPort makes a tap device.
func newPort(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = os.NewSyscallError("ioctl", unix.IoctlIfreq(fd, unix.TUNSETIFF, request))
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil // only now: an unbound descriptor cannot be waited for
}

func command(args ...string) error {
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// within runs a command in the namespace of a node.
func (h *hub) within(node int, args ...string) error {
	return command(append([]string{"ip", "netns", "exec", h.spaces[node]}, args...)...)
}

// carry takes what a node sends to the others until the hub is closed.
func (h *hub) carry(from int) {
	frame := make([]byte, 64<<10)
	for {
		n, err := h.ports[from].Read(frame)
		if err != nil {
			return
		}
		for to, port := range h.ports {
			l := h.line(from, to)
			if from == to || l.cut || rand.Float64() < l.loss {
				continue
			}
			if l.delay == 0 {
				port.Write(frame[:n]) // an interface that is down takes nothing
				continue
			}
			late := bytes.Clone(frame[:n])
			time.AfterFunc(l.delay-l.jitter+rand.N(2*l.jitter+1), func() { port.Write(late) })
		}
	}
}

func (h *hub) line(from, to int) line {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lines(from, to)
}

// set makes the lines what they are from now on. It has no error; the other ways to change a network have.
func (h *hub) set(lines func(from, to int) line) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = lines
	return nil
}

// heal makes all lines good, those of a node among them.
func (h *hub) heal(int) error { return h.set(func(int, int) line { return line{} }) }

func (h *hub) close() {
	for _, port := range h.ports {
		port.Close() // which takes the device away
	}
	for _, space := range h.spaces {
		command("ip", "netns", "del", space) // what lives there ends first, so nothing is left to go wrong
	}
}
