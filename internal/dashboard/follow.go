package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/supvisors/supvisors/internal/logfile"
)

// followLog hands what is added to a log to a client until ctx ends.
func (d *Dashboard) followLog(ctx context.Context, l LogWatch, to chan<- message) {
	tell := func(c LogChunk) error {
		c.Node, c.Process, c.Channel = l.Node, l.Process, l.Channel // as the page calls them
		select {
		case to <- message{"log", encode(c)}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := d.feed(ctx, l, tell); err != nil && ctx.Err() == nil {
		tell(LogChunk{Error: faultText(err)}) // an error means that the page has gone
	}
}

// feed tells the pieces of a log, here or on another node.
func (d *Dashboard) feed(ctx context.Context, l LogWatch, tell func(LogChunk) error) error {
	node, ok := d.identifier(l.Node)
	if !ok {
		return fmt.Errorf("there is no node %s", l.Node)
	}
	if node == d.current().Self.Identifier {
		t, err := d.openTail(l.Process, l.Channel, l.Offset, tell)
		if err != nil {
			return err
		}
		return t.follow(ctx)
	}
	resp, err := d.remote(ctx, node, "follow", url.Values{"process": {l.Process}, "channel": {l.Channel}, "offset": {strconv.FormatInt(l.Offset, 10)}})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for documents := json.NewDecoder(resp.Body); ; {
		var chunk LogChunk
		if err := documents.Decode(&chunk); err == io.EOF {
			return errors.New("the node has ended the log")
		} else if err != nil {
			return err
		}
		if err := tell(chunk); err != nil {
			return err
		}
	}
}

// takeFollow streams a log of this node to a peer, as one LogChunk after the other.
func (d *Dashboard) takeFollow(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	offset, err := strconv.ParseInt(q.Get("offset"), 10, 64)
	if err != nil {
		refuse(w, http.StatusBadRequest, "offset: "+err.Error())
		return
	}
	rc := http.NewResponseController(w)
	documents := json.NewEncoder(patient{w, rc})
	t, err := d.openTail(q.Get("process"), q.Get("channel"), offset, func(c LogChunk) error {
		if err := documents.Encode(c); err != nil {
			return err
		}
		return rc.Flush()
	})
	if err != nil {
		refuse(w, http.StatusNotFound, faultText(err))
		return
	}
	rc.SetReadDeadline(time.Time{}) // an error means that there is none
	w.Header().Set("Content-Type", "application/json")
	if rc.Flush() != nil {
		t.file.Close()
		return
	}
	t.follow(r.Context()) // the end of the answer tells of an error
}

// tail follows a log from file to file when it is rotated. logfile.Follow tells when there is more to read, but not in which file and where.
type tail struct {
	path string
	tell func(LogChunk) error
	file *os.File
	at   int64 // next byte to read
	anew bool  // the file has begun anew, which has not been told yet
}

// openTail opens a log of this node to be followed from an offset on, -1 for its end. A log that is shorter has begun anew.
func (d *Dashboard) openTail(name, channel string, offset int64, tell func(LogChunk) error) (*tail, error) {
	path, err := d.path(name, channel)
	if err != nil {
		return nil, err
	}
	file, size, err := openLog(path)
	if err != nil {
		return nil, err
	}
	t := &tail{path: path, tell: tell, file: file, at: offset}
	switch {
	case offset < 0:
		t.at = size
	case offset > size:
		t.at, t.anew = 0, true
	}
	return t, nil
}

// follow tells what is added until ctx ends, and closes the log.
func (t *tail) follow(ctx context.Context) error {
	defer func() { t.file.Close() }()
	if err := t.catchUp(); err != nil {
		return err
	}
	// its last byte comes again at once: what was written before the watch is read then
	return logfile.Follow(ctx, t.path, 1, func([]byte) error { return t.catchUp() })
}

// catchUp tells all that has been written.
func (t *tail) catchUp() error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := t.file.ReadAt(buffer, t.at)
		if err != nil && err != io.EOF {
			return err
		}
		text := buffer[:n-incomplete(buffer[:n])] // a character that is not complete waits for its rest
		if len(text) > 0 || t.anew {
			chunk := LogChunk{From: t.at, To: t.at + int64(len(text)), Text: string(text), Rotated: t.anew}
			t.at, t.anew = chunk.To, false
			if err := t.tell(chunk); err != nil {
				return err
			}
			continue
		}
		if err := t.replace(); err != nil || !t.anew {
			return err
		}
	}
}

// replace begins anew when the file has become shorter, or another one has taken its place.
func (t *tail) replace() error {
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < t.at {
		t.at, t.anew = 0, true
		return nil
	}
	named, err := os.Stat(t.path)
	if err != nil || os.SameFile(named, info) {
		return nil // for the time being there may be none
	}
	file, _, err := openLog(t.path)
	if err != nil {
		return nil // gone again
	}
	t.file.Close()
	t.file, t.at, t.anew = file, 0, true
	return nil
}

// incomplete is how many bytes at the end begin a character that goes on.
func incomplete(data []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(data); n++ {
		if c := data[len(data)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(data[len(data)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}
