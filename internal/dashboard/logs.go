package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/logfile"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

const (
	// maxLogs bounds the logs that one page follows.
	maxLogs = 8
	// logChunk is how much of a log is read unless the page says, and maxLogChunk at most, in bytes.
	logChunk, maxLogChunk = 64 << 10, 1 << 20
)

// channels are the words for the outputs of a process.
var channels = map[string]event.Channel{"stdout": event.Stdout, "stderr": event.Stderr}

// path is where this node has a log; the channel main is the log of the daemon.
func (d *Dashboard) path(name, channel string) (string, error) {
	if channel == "main" {
		return d.cfg.MainLog()
	}
	c, ok := channels[channel]
	if !ok {
		return "", fmt.Errorf("channel %q is none of stdout, stderr, main", channel)
	}
	return d.cfg.Supervisor.LogPath(process.ParseNamespec(name), c)
}

// readLog reads a piece of a log on a node: up to limit bytes before an offset, the end of the log for -1.
func (d *Dashboard) readLog(ctx context.Context, node, name, channel string, before, limit int64) (LogChunk, error) {
	if node == d.current().Self.Identifier {
		return d.readOwnLog(name, channel, before, limit)
	}
	resp, err := d.remote(ctx, node, "log", url.Values{"process": {name}, "channel": {channel}, "before": {strconv.FormatInt(before, 10)},
		"limit": {strconv.FormatInt(limit, 10)}})
	if err != nil {
		return LogChunk{}, err
	}
	defer resp.Body.Close()
	var chunk LogChunk
	return chunk, json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&chunk)
}

func (d *Dashboard) readOwnLog(name, channel string, before, limit int64) (LogChunk, error) {
	chunk := LogChunk{Node: d.current().Self.Identifier, Process: name, Channel: channel}
	path, err := d.path(name, channel)
	if err != nil {
		return chunk, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return chunk, nil // nothing has been written yet
	case err != nil:
		return chunk, err
	case !info.Mode().IsRegular():
		return chunk, errors.New("this log is no file that could be read")
	}
	chunk.To = info.Size()
	if before >= 0 {
		chunk.To = min(before, chunk.To)
	}
	chunk.From = max(0, chunk.To-limit)
	if chunk.From == chunk.To {
		return chunk, nil
	}
	data, err := logfile.Read(path, chunk.From, chunk.To-chunk.From)
	chunk.Text, chunk.To = string(data), chunk.From+int64(len(data))
	return chunk, err
}

// logQuery reads what a request for a log wants.
func logQuery(w http.ResponseWriter, q url.Values) (before, limit int64, ok bool) {
	before, limit = -1, logChunk
	for name, into := range map[string]*int64{"before": &before, "limit": &limit} {
		if value := q.Get(name); value != "" {
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || n < -1 {
				refuse(w, http.StatusBadRequest, fmt.Sprintf("%s: %q is not a number of bytes", name, value))
				return 0, 0, false
			}
			*into = n
		}
	}
	return before, min(max(limit, 1), maxLogChunk), true
}

// serveLog answers with a piece of a log.
func (d *Dashboard) serveLog(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	before, limit, ok := logQuery(w, q)
	if !ok {
		return
	}
	node, ok := d.nodeOf(w, q)
	if !ok {
		return
	}
	chunk, err := d.readLog(r.Context(), node, q.Get("process"), q.Get("channel"), before, limit)
	if err != nil {
		refuse(w, http.StatusNotFound, faultText(err))
		return
	}
	answer(w, http.StatusOK, chunk)
}

// serveLogFile sends a whole log.
func (d *Dashboard) serveLogFile(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	node, ok := d.nodeOf(w, q)
	if !ok {
		return
	}
	name, channel := q.Get("process"), q.Get("channel")
	last, err := d.readLog(r.Context(), node, name, channel, -1, 1)
	if err != nil {
		refuse(w, http.StatusNotFound, faultText(err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", attachment(name, channel)))
	rc := http.NewResponseController(w)
	for at := int64(0); at < last.To; {
		chunk, err := d.readLog(r.Context(), node, name, channel, min(at+maxLogChunk, last.To), min(maxLogChunk, last.To-at))
		if err != nil || chunk.To <= at {
			return // it has become shorter meanwhile
		}
		rc.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := io.WriteString(w, chunk.Text); err != nil {
			return
		}
		at = chunk.To
	}
}

// attachment is the name of a file with a log: what is special in names of files is replaced.
func attachment(name, channel string) string {
	safe := []rune(name)
	for i, c := range safe {
		if c == ':' || c == '/' || c == '\\' || c < ' ' || c == '"' {
			safe[i] = '_'
		}
	}
	if name == "" {
		return "supervisord.log"
	}
	return string(safe) + "-" + channel + ".log"
}

// followLog hands what is added to a log to a client until ctx ends.
func (d *Dashboard) followLog(ctx context.Context, l LogWatch, to chan<- message) {
	tell := func(c LogChunk) bool {
		select {
		case to <- message{"log", encode(c)}:
			return true
		case <-ctx.Done():
			return false
		}
	}
	err := d.follower(ctx, l, &chunker{about: LogChunk{Node: l.Node, Process: l.Process, Channel: l.Channel}, tell: tell})
	if ctx.Err() == nil {
		tell(LogChunk{Node: l.Node, Process: l.Process, Channel: l.Channel, Error: faultText(err)})
	}
}

func (d *Dashboard) follower(ctx context.Context, l LogWatch, c *chunker) error {
	node, ok := d.identifier(l.Node)
	if !ok {
		return fmt.Errorf("there is no node %s", l.Node)
	}
	if node == d.current().Self.Identifier {
		path, err := d.path(l.Process, l.Channel)
		if err != nil {
			return err
		}
		return follow(ctx, path, l.Offset, func(size int64) { c.at = size }, c.take)
	}
	resp, err := d.remote(ctx, node, "follow", url.Values{"process": {l.Process}, "channel": {l.Channel}, "offset": {strconv.FormatInt(l.Offset, 10)}})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if c.at, err = strconv.ParseInt(resp.Header.Get("X-Log-Offset"), 10, 64); err != nil {
		return fmt.Errorf("%s does not tell where its log begins", node)
	}
	buffer := make([]byte, 32<<10)
	for {
		n, err := resp.Body.Read(buffer)
		if n > 0 {
			if err := c.take(buffer[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return errors.New("the node has ended the log")
		}
		if err != nil {
			return err
		}
	}
}

// follow emits a log from an offset on, -1 for its end; begin is told where that is.
func follow(ctx context.Context, path string, offset int64, begin func(int64), emit func([]byte) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	back := int64(0)
	if offset >= 0 {
		back = max(0, info.Size()-offset)
	}
	begin(info.Size() - back)
	return logfile.Follow(ctx, path, back, emit)
}

// takeFollow streams a log of this node to a peer.
func (d *Dashboard) takeFollow(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	path, err := d.path(q.Get("process"), q.Get("channel"))
	if err != nil {
		refuse(w, http.StatusNotFound, faultText(err))
		return
	}
	offset, err := strconv.ParseInt(q.Get("offset"), 10, 64)
	if err != nil {
		refuse(w, http.StatusBadRequest, "offset: "+err.Error())
		return
	}
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Time{}) // an error means that there is none
	err = follow(r.Context(), path, offset, func(at int64) {
		w.Header().Set("X-Log-Offset", strconv.FormatInt(at, 10))
		w.Header().Set("Content-Type", "application/octet-stream")
		w.WriteHeader(http.StatusOK)
		rc.Flush() // an error comes again with the first bytes
	}, func(data []byte) error {
		rc.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := w.Write(data); err != nil {
			return err
		}
		return rc.Flush()
	})
	if err != nil && w.Header().Get("X-Log-Offset") == "" {
		refuse(w, http.StatusNotFound, err.Error())
	}
}

// chunker turns bytes of a log into documents. A character that is not complete waits for its rest.
type chunker struct {
	about LogChunk
	at    int64
	rest  []byte
	tell  func(LogChunk) bool
}

func (c *chunker) take(data []byte) error {
	chunk := c.about
	if string(data) == logfile.Truncated {
		chunk.Rotated, c.at, c.rest = true, 0, nil
	} else {
		data = append(c.rest, data...)
		whole := len(data) - incomplete(data)
		chunk.From, chunk.To, chunk.Text = c.at, c.at+int64(whole), string(data[:whole])
		c.at, c.rest = chunk.To, append([]byte(nil), data[whole:]...)
	}
	if !c.tell(chunk) {
		return context.Canceled
	}
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

// faultText is what a user is told of an error.
func faultText(err error) string {
	var fault *rpc.Fault
	if errors.As(err, &fault) {
		return fault.Text
	}
	return err.Error()
}
