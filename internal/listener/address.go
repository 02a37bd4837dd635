package listener

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Address is a TCP address as [inet_http_server] names it. An empty Host stands for all interfaces, IPv4 and IPv6.
type Address struct {
	Host string
	Port int // 0 has the system choose one
}

// ParseAddress reads "host:port", "*:port", ":port" or "port", as Supervisor's inet_address does; the port is what follows the
// last colon. "[::1]:9001" is understood besides. A port is 1 to 65535.
func ParseAddress(s string) (Address, error) {
	host, port := "", s
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host, port = s[:i], s[i+1:]
	}
	n, err := strconv.Atoi(strings.TrimSpace(port))
	switch {
	case port == "":
		return Address{}, fmt.Errorf("no port number specified in %q", s)
	case err != nil:
		return Address{}, fmt.Errorf("not a valid port number: %q", port)
	case n < 1 || n > 65535:
		return Address{}, fmt.Errorf("port number %d in %q is not between 1 and 65535", n, s)
	}
	host = strings.ToLower(strings.TrimSpace(host))
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	if host == "*" {
		host = ""
	}
	return Address{Host: host, Port: n}, nil
}

// String returns the address as net.Dial takes it, and with "*" for all interfaces.
func (a Address) String() string {
	host := a.Host
	if host == "" {
		host = "*"
	}
	return net.JoinHostPort(host, strconv.Itoa(a.Port))
}

// Listen opens the address. A failure is an [*OpenError].
func (a Address) Listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", net.JoinHostPort(a.Host, strconv.Itoa(a.Port)))
	if err != nil {
		return nil, &OpenError{Address: a.String(), Err: err}
	}
	return ln, nil
}
