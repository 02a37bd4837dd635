package publish

import "fmt"

// Header is the kind of a message.
type Header uint8

// The headers of Supvisors.
const (
	Supvisors Header = iota
	Instance
	Application
	Process
	Event // of a process
	HostStatistics
	ProcessStatistics

	headers = iota // how many there are
)

var headerNames = [headers]string{"supvisors", "instance", "application", "process", "event", "hstats", "pstats"}

// String returns the header as clients know it.
func (h Header) String() string {
	if h < headers {
		return headerNames[h]
	}
	return fmt.Sprintf("Header(%d)", uint8(h))
}

// ParseHeader returns the header of this name.
func ParseHeader(name string) (Header, error) {
	for h, known := range headerNames {
		if name == known {
			return Header(h), nil
		}
	}
	return 0, fmt.Errorf("unknown event header %q", name)
}

// set is a set of headers, one bit for each.
type set uint32

const all set = 1<<headers - 1

func (s set) has(h Header) bool { return s&(1<<h) != 0 }
