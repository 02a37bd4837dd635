package node

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
)

const (
	// samplesPath is where a node serves its statistics to its peers.
	samplesPath = "/cluster/statistics"
	// sampleQueue is how many samples may wait for one peer; what does not fit is lost to it.
	sampleQueue = 4096
	// sampleTimeout is how long a peer may take to accept samples.
	sampleTimeout = 10 * time.Second
	// samplePause is between two attempts to get the samples of a peer.
	samplePause = 5 * time.Second
	// maxSample bounds one sample of a peer, in bytes.
	maxSample = 1 << 20
)

// samples hands the statistics of this node to the peers that ask for them. They are no part of its Report: nothing is decided by them,
// and nobody gets them unasked.
type samples struct {
	count atomic.Int32 // of readers
	mu    sync.Mutex
	all   map[chan []byte]struct{}
}

// SamplesWanted reports whether any peer asks for the statistics of this node.
func (n *Node) SamplesWanted() bool { return n.samples.count.Load() > 0 }

// PublishSample hands a message of the event interface with statistics of this node to the peers that ask for them. It never waits.
func (n *Node) PublishSample(header string, body []byte) {
	if !n.SamplesWanted() {
		return
	}
	line := fmt.Appendf(nil, "%s %s\n", header, body)
	n.samples.mu.Lock()
	defer n.samples.mu.Unlock()
	for c := range n.samples.all {
		select {
		case c <- line:
		default:
		}
	}
}

// serveSamples answers a peer with the samples from now on, one a line: header, blank, body.
func (n *Node) serveSamples(w http.ResponseWriter, r *http.Request) {
	s := n.stay.Load()
	if s == nil {
		noMember(w)
		return
	}
	c := make(chan []byte, sampleQueue)
	n.samples.mu.Lock()
	n.samples.all[c] = struct{}{}
	n.samples.mu.Unlock()
	n.samples.count.Add(1)
	defer func() {
		n.samples.count.Add(-1)
		n.samples.mu.Lock()
		delete(n.samples.all, c)
		n.samples.mu.Unlock()
	}()
	rc := http.NewResponseController(w)
	if rc.SetReadDeadline(time.Time{}) != nil || rc.Flush() != nil {
		return
	}
	for {
		select {
		case line := <-c:
			if rc.SetWriteDeadline(time.Now().Add(sampleTimeout)) != nil {
				return
			}
			if _, err := w.Write(line); err != nil || rc.Flush() != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}

// FollowSamples gives take the statistics of all peers until ctx ends: header and body of each message, valid during the call. take is
// called from several goroutines.
func (n *Node) FollowSamples(ctx context.Context, take func(header string, body []byte)) {
	var group sync.WaitGroup
	defer group.Wait()
	views := n.Watch(1)
	defer views.Close()
	following := map[string]context.CancelFunc{}
	defer func() {
		for _, stop := range following {
			stop()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case v := <-views.C:
			for _, i := range v.Instances {
				stop, known := following[i.Identifier]
				switch running := i.State == cluster.InstanceRunning && i.Identifier != v.Self.Identifier; {
				case running && !known:
					peer, cancel := context.WithCancel(ctx)
					following[i.Identifier] = cancel
					group.Go(func() { n.followSamples(peer, i.Identifier, take) })
				case !running && known:
					stop()
					delete(following, i.Identifier)
				}
			}
		}
	}
}

// followSamples asks one peer again and again.
func (n *Node) followSamples(ctx context.Context, identifier string, take func(string, []byte)) {
	for ctx.Err() == nil {
		err := n.readSamples(ctx, identifier, take)
		n.cfg.Logger.Debug("statistics of a peer ended", "peer", identifier, "error", err)
		select {
		case <-time.After(samplePause/2 + rand.N(samplePause)):
		case <-ctx.Done():
		}
	}
}

func (n *Node) readSamples(ctx context.Context, identifier string, take func(string, []byte)) error {
	resp, err := n.Request(ctx, http.MethodGet, identifier, samplesPath, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answer %q", resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxSample)
	for lines.Scan() {
		if header, body, ok := bytes.Cut(lines.Bytes(), []byte(" ")); ok {
			take(string(header), body)
		}
	}
	return lines.Err()
}

// urlOf returns where a node listens.
func (n *Node) urlOf(identifier string) string {
	if n.cfg.TLS != nil {
		return "https://" + identifier
	}
	return "http://" + identifier
}
