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
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
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
	var missing *supervisor.NoFileError
	if errors.As(err, &missing) && missing.Path != "" {
		return chunk, nil // nothing has been written yet
	}
	if err != nil {
		return chunk, err
	}
	file, size, err := openLog(path)
	if errors.Is(err, fs.ErrNotExist) {
		return chunk, nil // likewise
	}
	if err != nil {
		return chunk, err
	}
	defer file.Close()
	to := size
	if before >= 0 {
		to = min(before, size)
	}
	from := max(0, to-limit)
	data := make([]byte, min(to+1, size)-from)
	n, err := file.ReadAt(data, from)
	if err != nil && err != io.EOF { // it may have become shorter meanwhile
		return chunk, err
	}
	if data = data[:min(int64(n), to-from)]; n == len(data) || !utf8.RuneStart(data[:n][n-1]) { // a character may go on behind it
		data = data[:len(data)-incomplete(data)]
	}
	cut := 0
	for from > 0 && cut < min(len(data), utf8.UTFMax-1) && !utf8.RuneStart(data[cut]) { // it belongs to the piece before
		cut++
	}
	data = data[cut:]
	chunk.From = from + int64(cut)
	chunk.To, chunk.Text = chunk.From+int64(len(data)), string(data)
	return chunk, nil
}

// openLog opens a log and returns its size. To open a FIFO must not wait for a writer.
func openLog(path string) (*os.File, int64, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("this log is no file that could be read")
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
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
	return before, min(max(limit, utf8.UTFMax), maxLogChunk), true // not less than a character
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

// serveLogFile sends a whole log, byte by byte as it is.
func (d *Dashboard) serveLogFile(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	node, ok := d.nodeOf(w, q)
	if !ok {
		return
	}
	name, channel := q.Get("process"), q.Get("channel")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", attachment(name, channel)))
	if node == d.current().Self.Identifier {
		d.sendFile(w, name, channel)
		return
	}
	resp, err := d.remote(r.Context(), node, "file", url.Values{"process": {name}, "channel": {channel}})
	if err != nil {
		refuse(w, http.StatusNotFound, faultText(err))
		return
	}
	defer resp.Body.Close()
	send(w, resp.Body, resp.ContentLength)
}

// takeFile sends a whole log of this node to a peer.
func (d *Dashboard) takeFile(w http.ResponseWriter, r *http.Request) {
	d.sendFile(w, r.URL.Query().Get("process"), r.URL.Query().Get("channel"))
}

func (d *Dashboard) sendFile(w http.ResponseWriter, name, channel string) {
	path, err := d.path(name, channel)
	if err != nil {
		refuse(w, http.StatusNotFound, faultText(err))
		return
	}
	file, size, err := openLog(path)
	if err != nil {
		refuse(w, http.StatusNotFound, err.Error())
		return
	}
	defer file.Close()
	send(w, file, size)
}

// send sends text of a known length. What became shorter meanwhile ends the connection early, so that nobody takes it for the whole.
func send(w http.ResponseWriter, from io.Reader, size int64) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	io.CopyN(patient{w, http.NewResponseController(w)}, from, size) // an error means that the browser has gone, too
}

// patient gives each write its own time.
type patient struct {
	w  io.Writer
	rc *http.ResponseController
}

func (p patient) Write(data []byte) (int, error) {
	p.rc.SetWriteDeadline(time.Now().Add(writeTimeout))
	return p.w.Write(data)
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

// faultText is what a user is told of an error.
func faultText(err error) string {
	var fault *rpc.Fault
	if errors.As(err, &fault) {
		return fault.Text
	}
	return err.Error()
}
