package node

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"
)

// headTimeout is how long a peer may take to begin its answer, unless the context allows less.
const headTimeout = 10 * time.Second

// Request sends a signed request to the port of a peer and returns its answer, which is known to come from that peer. The path begins with
// /cluster/; it may have a query. The caller closes the body.
func (n *Node) Request(ctx context.Context, method, identifier, path string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, n.urlOf(identifier)+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	n.cfg.Gossip.Trust.Sign(r, identifier, body)
	resp, err := n.peerClient.Do(r)
	if err != nil {
		return nil, err
	}
	if err := n.cfg.Gossip.Trust.Confirm(resp); err != nil {
		resp.Body.Close()
		return nil, fmt.Errorf("%w (it answered %s)", err, resp.Status)
	}
	return resp, nil
}

// Signed lets through requests of peers, which know the secret of the cluster. what names them for the log. A node that is no member of a
// cluster has no peers, and answers 503.
func (n *Node) Signed(what string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.stay.Load() == nil {
			noMember(w)
			return
		}
		if _, err := n.cfg.Gossip.Trust.Verify(w, r); err != nil {
			n.cfg.Logger.Warn(what+" refused", "remote", r.RemoteAddr, "error", err)
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func noMember(w http.ResponseWriter) {
	http.Error(w, ErrNoMember.Error(), http.StatusServiceUnavailable)
}

// newPeerClient returns the client for requests to peers. A connection is for one request: most of them are streams.
func (n *Node) newPeerClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{DialContext: n.dial, TLSClientConfig: n.cfg.TLS.Clone(), DisableKeepAlives: true,
			DisableCompression: true, ResponseHeaderTimeout: headTimeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
