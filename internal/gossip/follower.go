package gossip

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

const (
	// silenceTimeout is how long a stream may say nothing before it is opened anew.
	silenceTimeout = 3 * keepAlive
	// answerTimeout bounds the wait for the beginning of an answer.
	answerTimeout = 5 * time.Second
	// The pauses between attempts to open a stream double from the first to the last.
	firstPause, lastPause = 100 * time.Millisecond, 5 * time.Second
	// steadyStream is how long a stream must have lasted to be opened again without a pause.
	steadyStream = time.Second
	// refusedPause is between the two refusals that prove that nobody listens.
	refusedPause = 50 * time.Millisecond
	// refusedTimeout bounds an attempt to see whether somebody listens.
	refusedTimeout = 500 * time.Millisecond
)

var (
	errBye     = errors.New("the peer is shutting down")
	errGap     = errors.New("an entry is missing")
	errSilence = errors.New("nothing was heard for too long")
)

// What a follower reports.
type (
	streamUp struct{ epoch string }
	// streamData is a line of the stream of the run epoch.
	streamData struct {
		epoch string
		line  line
	}
	// streamDown ends what streamUp began, or is the first failure to begin.
	streamDown struct{ err error }
	// streamGone tells that the peer ended: it said so, or nobody listens on its port.
	streamGone struct{ reason Reason }
)

// report is one thing that a follower tells the membership loop.
type report struct {
	from *follower
	what any
}

// follower follows the log of one peer until it is stopped: it opens the stream, opens it again when it breaks, and finds out
// when the peer is dead. It never waits for anything but the peer and the loop.
type follower struct {
	name, addr string
	trust      *Trust
	dial       func(ctx context.Context, network, addr string) (net.Conn, error)
	client     *http.Client
	scheme     string
	out        chan<- report
	stop       context.CancelFunc

	epoch string // position in the peer's log: the run,
	next  uint64 // and the number of the next entry; epoch "" stands for a snapshot first
}

// newFollower prepares a follower of the peer at addr from the position on.
func newFollower(cfg *Config, name, addr, epoch string, next uint64, out chan<- report) *follower {
	f := &follower{name: name, addr: addr, trust: cfg.Trust, dial: cfg.Dial, scheme: cfg.scheme(), out: out, epoch: epoch, next: next}
	f.client = cfg.client(addr)
	return f
}

// client returns a client for requests to the node at addr, whatever the URL says. A connection is for one request.
func (c *Config) client(addr string) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:       func(ctx context.Context, network, _ string) (net.Conn, error) { return c.Dial(ctx, network, addr) },
			TLSClientConfig:   c.TLS.Clone(),
			DisableKeepAlives: true, DisableCompression: true,
			TLSHandshakeTimeout: answerTimeout, ResponseHeaderTimeout: answerTimeout,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (c *Config) scheme() string {
	if c.TLS != nil {
		return "https"
	}
	return "http"
}

func (f *follower) run(ctx context.Context) {
	pause, dead := time.Duration(0), false
	for ctx.Err() == nil {
		began := time.Now()
		up, err := f.follow(ctx)
		if up {
			dead = false
		}
		f.tell(ctx, streamDown{err})
		if errors.Is(err, errBye) {
			f.epoch, dead = "", true
			f.tell(ctx, streamGone{Leaving})
		} else if !dead && f.refused(ctx) {
			f.epoch, dead = "", true
			f.tell(ctx, streamGone{Refused})
		}
		if up && !dead && time.Since(began) > steadyStream {
			pause = 0
			continue
		}
		pause = min(max(2*pause, firstPause), lastPause)
		wait(ctx, pause*3/4+rand.N(pause/2))
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (f *follower) tell(ctx context.Context, what any) {
	select {
	case f.out <- report{f, what}:
	case <-ctx.Done():
	}
}

// refused reports whether nobody listens on the port of the peer. One refusal may be a restart of the listening socket or a
// full table somewhere; two, with a pause between them, are not.
func (f *follower) refused(ctx context.Context) bool {
	for try := range 2 {
		if try > 0 {
			wait(ctx, refusedPause)
		}
		dctx, cancel := context.WithTimeout(ctx, refusedTimeout)
		c, err := f.dial(dctx, "tcp", f.addr)
		cancel()
		if err == nil {
			c.Close()
			return false
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return false
		}
	}
	return true
}

// follow opens the stream once and reads it to its end, which always has an error. up tells whether it could be opened.
func (f *follower) follow(ctx context.Context) (up bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	resp, err := f.open(ctx)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	epoch := resp.Header.Get(headerEpoch)
	if epoch == "" || len(epoch) > maxMetaText {
		return false, fmt.Errorf("the epoch %.80q is not valid", epoch)
	}
	if epoch != f.epoch {
		f.epoch = ""
	}
	f.tell(ctx, streamUp{epoch})
	silence := time.AfterFunc(silenceTimeout, func() { cancel(errSilence) })
	defer silence.Stop()
	err = f.read(ctx, resp.Body, epoch, silence)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return true, err
}

// open sends the request and checks the answer.
func (f *follower) open(ctx context.Context) (*http.Response, error) {
	q := url.Values{}
	if f.epoch != "" {
		q.Set("epoch", f.epoch)
		q.Set("from", strconv.FormatUint(f.next, 10))
	}
	u := url.URL{Scheme: f.scheme, Host: f.name, Path: eventsPath, RawQuery: q.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	f.trust.Sign(req, f.name, nil)
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	if err = f.trust.Confirm(resp); err == nil && resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	switch {
	case err == nil && resp.StatusCode == http.StatusGone:
		err = errBye
	case resp.StatusCode != http.StatusOK:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		err = fmt.Errorf("answer %q: %.200q", resp.Status, text)
	}
	return nil, err
}

// read delivers the lines of the stream, in order and without a gap.
func (f *follower) read(ctx context.Context, body io.Reader, epoch string, silence *time.Timer) error {
	r := bufio.NewReaderSize(body, 4096)
	var buf []byte
	for {
		b, err := readLine(r, buf)
		if err != nil {
			return err
		}
		silence.Reset(silenceTimeout)
		if len(b) == 0 {
			continue
		}
		buf = b // its memory is used again, except for a rare big one
		if cap(buf) > 1<<16 {
			buf = nil
		}
		var l line
		if err := json.Unmarshal(b, &l); err != nil {
			f.epoch = ""
			return fmt.Errorf("line of the stream: %w", err)
		}
		if l.Bye {
			return errBye
		}
		if !l.Snapshot {
			if f.epoch != "" && l.Seq < f.next {
				continue
			}
			if f.epoch == "" || l.Seq > f.next {
				f.epoch = ""
				return errGap
			}
		}
		f.tell(ctx, streamData{epoch, l})
		f.epoch, f.next = epoch, l.Seq+1
	}
}
