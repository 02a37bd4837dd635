package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Severity says how bad a recorded event is.
type Severity int

// The severities, mildest first.
const (
	Info Severity = iota
	Warning
	Error
	Fatal
)

var severityNames = [...]string{"info", "warning", "error", "fatal"}

// String returns the word that clients see.
func (s Severity) String() string {
	if s < 0 || int(s) >= len(severityNames) {
		return fmt.Sprintf("Severity(%d)", int(s))
	}
	return severityNames[s]
}

// ParseSeverity returns the severity of that name; an unknown name is an error.
func ParseSeverity(name string) (Severity, error) {
	for s, n := range severityNames {
		if n == name {
			return Severity(s), nil
		}
	}
	return Info, fmt.Errorf("unknown severity %q", name)
}

// Record is one entry of the event log.
type Record struct {
	ID       uint64    // given by the log, from 1
	Time     time.Time // wall clock; the log sets it when it is zero
	Severity Severity
	Code     string // what happened, one of the codes of this package or another in their style
	Message  string
	Source   Source // what it happened to; none stands for Database{}
}

// MarshalJSON returns the record as clients of the agent API see it.
func (r Record) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID         string `json:"record_id"`
		Timestamp  int64  `json:"timestamp"`
		Severity   string `json:"severity"`
		Message    string `json:"message"`
		Code       string `json:"event_code"`
		SourceType string `json:"source_type"`
		Source     Source `json:"event_source"`
	}{strconv.FormatUint(r.ID, 10), r.Time.Unix(), r.Severity.String(), r.Message, r.Code, r.Source.Type(), r.Source})
}

// The bounds of one record. A longer message is cut; a record that is still longer than maxRecord is refused.
const (
	maxMessage = 4 << 10
	maxRecord  = 64 << 10
)

// ErrTooLarge refuses a record whose source does not fit into the log.
var ErrTooLarge = errors.New("the record is too large for the event log")

// stored is a record as it is on disk, behind its checksum; the number is the key.
type stored struct {
	Time     int64           `json:"time"` // nanoseconds since the epoch
	Severity string          `json:"severity"`
	Code     string          `json:"code"`
	Message  string          `json:"message"`
	Type     string          `json:"type"`
	Source   json.RawMessage `json:"source"`
}

var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

const checksumSize = 4

// encode returns the record as it is written to disk, and what makes two records equal for the flapping rule: code and source.
func (r Record) encode() (value []byte, equality string, err error) {
	if _, err := ParseSeverity(r.Severity.String()); err != nil { // it could not be read back
		return nil, "", fmt.Errorf("encode %s: %w", r.Code, err)
	}
	source, err := json.Marshal(r.Source)
	if err != nil {
		return nil, "", fmt.Errorf("encode the source of %s: %w", r.Code, err)
	}
	body, err := json.Marshal(stored{
		Time: r.Time.UnixNano(), Severity: r.Severity.String(), Code: r.Code, Message: cut(r.Message, maxMessage),
		Type: r.Source.Type(), Source: source,
	})
	if err != nil {
		return nil, "", fmt.Errorf("encode %s: %w", r.Code, err)
	}
	if len(body) > maxRecord {
		return nil, "", ErrTooLarge
	}
	value = appendChecksum(make([]byte, 0, checksumSize+len(body)), body)
	return value, r.Code + "\x00" + r.Source.Type() + "\x00" + string(source), nil
}

// decode reads a value as encode wrote it. It keeps nothing of value.
func decode(id uint64, value []byte) (Record, error) {
	if len(value) < checksumSize || string(appendChecksum(nil, value[checksumSize:])[:checksumSize]) != string(value[:checksumSize]) {
		return Record{}, fmt.Errorf("record %d: wrong checksum", id)
	}
	var s stored
	if err := json.Unmarshal(value[checksumSize:], &s); err != nil {
		return Record{}, fmt.Errorf("record %d: %w", id, err)
	}
	severity, err := ParseSeverity(s.Severity)
	if err != nil {
		return Record{}, fmt.Errorf("record %d: %w", id, err)
	}
	source, err := decodeSource(s.Type, s.Source)
	if err != nil {
		return Record{}, fmt.Errorf("record %d: %w", id, err)
	}
	return Record{id, time.Unix(0, s.Time), severity, s.Code, s.Message, source}, nil
}

// appendChecksum appends the checksum of body, and body.
func appendChecksum(to, body []byte) []byte {
	sum := crc32.Checksum(body, castagnoli())
	return append(append(to, byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)), body...)
}

// cut returns at most that many bytes of s, whole characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
