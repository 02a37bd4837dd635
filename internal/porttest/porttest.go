// Package porttest gives the tests ports for the daemons that they start. A port that the kernel chose and a test closed again may belong
// to anybody's connection when the daemon comes to open it; these lie below the ones that connections take for themselves, and no test that
// runs at the same time gets the same.
package porttest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// Ports of five digits, below what net.ipv4.ip_local_port_range begins with where nobody changed it.
const (
	lowest  = 10000
	highest = 32767
)

// Free returns n different ports that nobody has, sorted. They are the test process's until it ends.
func Free(t testing.TB, n int) []string {
	t.Helper()
	var ports []string
	for tries := 0; len(ports) < n; tries++ {
		if tries > highest-lowest {
			t.Fatalf("only %d of %d ports are free", len(ports), n)
		}
		port := strconv.Itoa(lowest + rand.IntN(highest-lowest+1))
		if claim(port) && free(port) {
			ports = append(ports, port)
		}
	}
	slices.Sort(ports)
	return ports
}

// claim takes the name of a port among all processes that test. It is a socket without a file, which the kernel takes back when the
// process ends, however it ends; nothing else closes it.
func claim(port string) bool {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: fmt.Sprintf("@supvisors-test-port-%s", port)}); err != nil {
		syscall.Close(fd)
		return false
	}
	return true
}

// free reports whether nobody has the port, for streams or for packets, at any address.
func free(port string) bool {
	stream, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return false
	}
	stream.Close()
	packets, err := net.ListenPacket("udp", ":"+port)
	if err != nil {
		return false
	}
	packets.Close()
	return true
}
