package gossip

import (
	"context"
	"encoding/json"
	"sync"
)

// ringSize is how many entries a Log keeps for readers that are behind or come back.
const ringSize = 8192

// SnapshotFunc returns all that the node publishes, and the number of the last entry that it includes. It is called from the
// goroutines of readers, many at a time, and waits at most as long as ctx allows. The snapshot must not be older than the
// entries that were appended before the call.
type SnapshotFunc func(ctx context.Context) (seq uint64, data json.RawMessage, err error)

// Log is what a node publishes: numbered entries, the last 8,192 of which are kept, encoded once for all readers. Append never
// waits for a reader. A reader that wants an entry that is not kept any more gets a snapshot first.
type Log struct {
	Epoch    string // identifies this run of the node
	snapshot SnapshotFunc

	mu     sync.Mutex
	ring   [ringSize][]byte // entry n, as a line, is at n % ringSize
	first  uint64           // number of the oldest entry in the ring; head+1 when there is none
	head   uint64           // number of the newest entry
	bye    bool             // the node is shutting down
	closed bool
	change chan struct{} // closed at the next change; nil when nobody waits
}

// NewLog returns an empty log, the first entry of which will be number seq+1.
func NewLog(epoch string, seq uint64, snapshot SnapshotFunc) *Log {
	return &Log{Epoch: epoch, snapshot: snapshot, first: seq + 1, head: seq}
}

// Append publishes the entry number seq. When it does not follow the one before, what is in the log is forgotten and readers
// get a snapshot. data must be JSON.
func (l *Log) Append(seq uint64, data json.RawMessage) error {
	b, err := line{Seq: seq, Data: data}.encode()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq != l.head+1 {
		l.first = seq
		clear(l.ring[:])
	}
	l.ring[seq%ringSize] = b
	l.head = seq
	l.first = max(l.first, seq-min(seq, ringSize-1))
	l.wake()
	return nil
}

// Head returns the number of the newest entry.
func (l *Log) Head() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Bye tells all readers, after the entries so far, that the node is shutting down, and ends their streams.
func (l *Log) Bye() { l.end(true) }

// Close ends the streams of all readers without a word.
func (l *Log) Close() { l.end(false) }

func (l *Log) end(bye bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed, l.bye = true, bye
		l.wake()
	}
}

// ended reports whether nothing will be published any more, and whether the node says so.
func (l *Log) ended() (closed, bye bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed, l.bye
}

func (l *Log) wake() {
	if l.change != nil {
		close(l.change)
		l.change = nil
	}
}

// page is what a reader gets at once.
type page struct {
	lines   [][]byte
	gone    bool            // the entry asked for is not kept: a snapshot is needed
	closed  bool            // nothing will come after lines
	bye     bool            // with closed: to be told to the reader
	changed <-chan struct{} // when there are no lines: closed as soon as there may be some
}

// read returns up to pageLines entries from number next on.
func (l *Log) read(next uint64) page {
	const pageLines = 256
	l.mu.Lock()
	defer l.mu.Unlock()
	if next < l.first {
		return page{gone: true, closed: l.closed, bye: l.bye}
	}
	var p page
	for n := next; n <= l.head && len(p.lines) < pageLines; n++ {
		p.lines = append(p.lines, l.ring[n%ringSize])
	}
	if len(p.lines) > 0 {
		return p
	}
	if p.closed, p.bye = l.closed, l.bye; !p.closed {
		if l.change == nil {
			l.change = make(chan struct{})
		}
		p.changed = l.change
	}
	return p
}

// resumable reports whether a reader of the run epoch can go on with entry next without a snapshot.
func (l *Log) resumable(epoch string, next uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return epoch == l.Epoch && next >= l.first && next <= l.head+1
}
