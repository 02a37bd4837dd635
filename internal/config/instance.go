package config

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"sync"
)

// Instance is one element of supvisors_list: <nick>host:http_port:event_port, of which only the host is needed.
type Instance struct {
	Nick      string // unique name; by default Host when no port was written, else Identifier
	Host      string // name or address
	Port      int    // HTTP port
	EventPort int    // port of the event interface
}

// Identifier returns host:port, the name that nodes use between them.
func (i Instance) Identifier() string { return i.Host + ":" + strconv.Itoa(i.Port) }

// String returns the element in its full form, without a nick that is the identifier.
func (i Instance) String() string {
	if i.Nick == i.Identifier() {
		return i.Nick
	}
	return "<" + i.Nick + ">" + i.Identifier()
}

// defaultIdentifier is the name of a Supervisor that was given none; it makes no good nick.
const defaultIdentifier = "supervisor"

var instanceText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:<([\pL\pN_\-:.]+)>)?([\pL\pN_\-.]+)(?::(\d{1,5}))?(?::(\d{1,5}))?$`)
})

// ParseInstance reads an element of supvisors_list. port is the HTTP port that is meant when none is written, eventPort the
// event_port option, 0 for the HTTP port + 1.
func ParseInstance(item string, port, eventPort int) (Instance, error) {
	bad := fmt.Errorf(`could not define a Supvisors identification from "%s"`, item)
	m := instanceText().FindStringSubmatch(item)
	if m == nil {
		return Instance{}, bad
	}
	i := Instance{Nick: m[1], Host: m[2], Port: port, EventPort: eventPort}
	for n, target := range map[int]*int{3: &i.Port, 4: &i.EventPort} {
		if m[n] == "" {
			continue
		}
		number, err := strconv.Atoi(m[n])
		if err != nil || number < 1 || number > 65535 {
			return Instance{}, bad
		}
		*target = number
	}
	if i.EventPort == 0 {
		i.EventPort = i.Port + 1
	}
	if i.Nick == "" || i.Nick == defaultIdentifier {
		i.Nick = i.Host
		if m[3] != "" {
			i.Nick = i.Identifier()
		}
	}
	return i, nil
}

// checkPeer says what is wrong with an element of the join option: a host, or host:port.
func checkPeer(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = s, "1"
	}
	n, err := strconv.Atoi(port)
	if host == "" || err != nil || n < 1 || n > 65535 {
		return fmt.Errorf(`invalid value for join: "%s". host or host:port expected`, s)
	}
	return nil
}
