package gossip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// knockParam asks whether a node would be let in.
const knockParam = "knock"

// The ways in which a node is not let in.
var (
	ErrAlone    = errors.New("no other node of the cluster answers")
	ErrStranger = errors.New("the node is not configured there")
)

// Knock asks all configured peers at once, before there is a Membership, whether this node may come in. It returns nil as soon as one says
// yes. Else the error tells why nobody did: [ErrSignature] when a node has another secret, ErrStranger when one does not want to know this
// node, ErrAlone when no member of a cluster answers, or that of ctx.
func Knock(ctx context.Context, cfg Config) error {
	cfg.fillNetwork()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // whoever is still being asked
	answers := make(chan error, len(cfg.Peers))
	for _, p := range cfg.Peers {
		go func() { answers <- cfg.knock(ctx, p) }()
	}
	reason := ErrAlone
	for range cfg.Peers {
		select {
		case err := <-answers:
			if err == nil {
				return nil
			}
			cfg.Logger.Debug("node is not let in", "error", err)
			for _, known := range []error{ErrStranger, ErrSignature} { // the secret is what to look at first
				if errors.Is(err, known) && !errors.Is(reason, ErrSignature) {
					reason = err
				}
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return reason
}

// knock asks at all addresses of a peer.
func (c *Config) knock(ctx context.Context, p Peer) error {
	if p.Name == c.Name {
		return ErrAlone
	}
	targets, err := c.resolve(ctx, p.Addr)
	if err != nil {
		return err
	}
	var errs []error
	for _, addr := range targets {
		if addr == c.Advertise {
			continue
		}
		name := p.Name
		if name == "" {
			name = addr.String()
		}
		err := c.ask(ctx, name, addr)
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("node %s at %s: %w", name, addr, err))
	}
	if len(errs) == 0 {
		return ErrAlone
	}
	return errors.Join(errs...)
}

// ask sends the question to one address. What a node with the right secret answers is proven, unless the name is another one: then its word
// must do. Nothing but a wait for gossip comes of it.
func (c *Config) ask(ctx context.Context, name string, addr netip.AddrPort) error {
	u := url.URL{Scheme: c.scheme(), Host: name, Path: eventsPath, RawQuery: knockParam}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	c.Trust.Sign(req, name, nil)
	resp, err := c.client(addr.String()).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	proven := c.Trust.Confirm(resp) == nil
	switch {
	case proven && resp.StatusCode/100 == 2:
		return nil
	case proven && resp.StatusCode == http.StatusForbidden:
		return ErrStranger
	case resp.StatusCode == http.StatusUnauthorized:
		return refusal(resp)
	}
	return fmt.Errorf("answer %q", resp.Status)
}

// refusal tells why a signature was not accepted.
func refusal(resp *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, 200))
	if err != nil {
		return err
	}
	switch text := strings.TrimSpace(string(b)); text {
	case ErrTo.Error(), ErrClock.Error(): // it could tell, so it knows the secret
		return nil
	case ErrSignature.Error():
		return ErrSignature
	default:
		return fmt.Errorf("answer %q: %.200q", resp.Status, text)
	}
}
