package gossip

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// eventsPath is where a node serves its log.
const eventsPath = "/cluster/events"

// headerEpoch names the run of the node that answers, in the answer to a request for its log.
const headerEpoch = "X-Supvisors-Epoch"

// maxLine bounds a line of the stream, which may be a snapshot of the whole node, in bytes.
const maxLine = 16 << 20

// line is one line of the stream. A blank line says that the stream is alive.
type line struct {
	Snapshot bool            `json:"snapshot,omitempty"` // Data is all that there is, as of entry Seq; else it is the entry Seq
	Bye      bool            `json:"bye,omitempty"`      // the node is shutting down; nothing follows
	Seq      uint64          `json:"seq,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
}

// encode returns the line with its end. Data must be JSON; line breaks in it are taken out.
func (l line) encode() ([]byte, error) {
	b, err := json.Marshal(l) // compacts RawMessage
	if err != nil {
		return nil, err
	}
	if len(b) >= maxLine {
		return nil, fmt.Errorf("a line of %d bytes is longer than the limit of %d", len(b), maxLine)
	}
	return append(b, '\n'), nil
}

var errLineTooLong = errors.New("a line of the stream is too long")

// readLine reads the next line, without its end. The result is valid until the next call.
func readLine(r *bufio.Reader, buf []byte) ([]byte, error) {
	buf = buf[:0]
	for {
		part, err := r.ReadSlice('\n')
		buf = append(buf, part...)
		if err == nil {
			return bytes.TrimRight(buf, "\r\n"), nil
		}
		if len(buf) > maxLine {
			return nil, errLineTooLong
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}
