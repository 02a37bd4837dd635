package stats

import "time"

// Supervisord is the name under which the daemon itself is measured, alone, without the programs that are its children.
const Supervisord = "supervisord"

// Sample is what is published when an integration period is over: a HostSample or a ProcessSample.
type Sample interface {
	// Header is the header of the event that carries the sample on the event interface of Supvisors.
	Header() string
	sample()
}

// HostSample is the load of the host over one period: the hstats event of Supvisors. Its maps and slices are shared with the
// history and may not be changed.
type HostSample struct {
	Identifier   string              `json:"identifier"`
	NowMonotonic Float               `json:"now_monotonic"` // CLOCK_MONOTONIC, seconds
	TargetPeriod Float               `json:"target_period"` // as configured, seconds
	Period       [2]Float            `json:"period"`        // begin and end, seconds after the first measure
	CPU          []Float             `json:"cpu"`           // percent: the average, then each core in the order of its number
	Mem          Float               `json:"mem"`           // percent that is not available
	NetIO        map[string][2]Float `json:"net_io"`        // received and sent, Kibit/s, of each interface that runs
	DiskIO       map[string][2]Float `json:"disk_io"`       // read and written, Kibit/s, of each block device
	DiskUsage    map[string]Float    `json:"disk_usage"`    // percent, of each mount point on a block device
}

// Header returns hstats.
func (HostSample) Header() string { return "hstats" }
func (HostSample) sample()        {}

// ProcessSample is the load of a program and of all its descendants over one period: the pstats event of Supvisors.
type ProcessSample struct {
	Namespec     string   `json:"namespec"`
	Identifier   string   `json:"identifier"`
	PID          int      `json:"pid"`
	NowMonotonic Float    `json:"now_monotonic"` // CLOCK_MONOTONIC, seconds
	TargetPeriod Float    `json:"target_period"` // as configured, seconds
	Period       [2]Float `json:"period"`        // begin and end, seconds after the first measure of this pid
	CPU          Float    `json:"cpu"`           // percent of one core (IRIX mode)
	Mem          Float    `json:"mem"`           // percent of the physical memory that is resident
}

// Header returns pstats.
func (ProcessSample) Header() string { return "pstats" }
func (ProcessSample) sample()        {}

// Point is one entry in the history of a program.
type Point struct {
	NowMonotonic Float `json:"now_monotonic"` // CLOCK_MONOTONIC, seconds
	CPU          Float `json:"cpu"`           // percent of one core (IRIX mode)
	Mem          Float `json:"mem"`           // percent of the physical memory that is resident
}

// ProcessHistory is what is known of a program since it was started.
type ProcessHistory struct {
	PID    int
	Begin  Float   // CLOCK_MONOTONIC of the first measure, seconds
	Points []Point // oldest first, shared: not to be changed
}

// instant is one reading of the clocks.
type instant struct {
	time time.Time // for durations
	mono Float     // for those who read the samples
}

// span is the time since earlier, in seconds.
func (i instant) span(earlier instant) float64 { return i.time.Sub(earlier.time).Seconds() }
