package porttest

import (
	"net"
	"testing"
)

func TestFree(t *testing.T) {
	seen := map[string]bool{}
	for _, port := range Free(t, 200) {
		if seen[port] {
			t.Errorf("%s twice", port)
		}
		seen[port] = true
		if claim(port) {
			t.Errorf("%s can be claimed again", port)
		}
	}
	port := Free(t, 1)[0]
	ln, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if free(port) {
		t.Errorf("%s is free while somebody listens at it", port)
	}
}
