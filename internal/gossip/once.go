package gossip

import (
	"net"
	"strings"
	"sync"
)

// onceLimit bounds what a onceSet remembers; when it is full it starts anew.
const onceLimit = 256

// onceSet remembers complaints that were made, so that each is logged loudly once. The zero value is ready.
type onceSet struct {
	mu   sync.Mutex
	seen map[string]struct{}
}

// first reports whether this is the first time for the parts. Of an address with a port only the host counts.
func (o *onceSet) first(parts ...string) bool {
	for i, p := range parts {
		if host, _, err := net.SplitHostPort(p); err == nil && net.ParseIP(host) != nil {
			parts[i] = host
		}
	}
	key := strings.Join(parts, "\x00")
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.seen[key]; ok {
		return false
	}
	if o.seen == nil || len(o.seen) >= onceLimit {
		o.seen = map[string]struct{}{}
	}
	o.seen[key] = struct{}{}
	return true
}
