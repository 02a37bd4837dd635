package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// The limits of the WebSocket door. Those on pings and on what is read are the defaults of Python's websockets, which Supvisors uses.
const (
	maxHandshakeBytes = 16 << 10
	maxRefused        = 100 // connections beyond maxClients that are told why they cannot stay
	maxIncoming       = 1 << 20
	pingInterval      = 20 * time.Second
	pingTimeout       = 20 * time.Second
	closeTimeout      = 5 * time.Second
)

// WebSocket is the door for event_link = WS. Any path is accepted: its segments are the headers that the client asks for, "all" means
// all of them, and who asks for nothing that exists is told nothing. What clients say is read and forgotten. A page of another host,
// which a browser tells in Origin, is refused: it could use what its visitor can reach and it cannot.
type WebSocket struct {
	hub     *Hub
	logger  *slog.Logger
	crowd   *crowd
	outside complaints
}

// NewWebSocket returns a door to hub.
func NewWebSocket(hub *Hub, logger *slog.Logger) *WebSocket {
	return &WebSocket{hub: hub, logger: logger, crowd: newCrowd(), outside: complaints{logger: logger}}
}

// connKey is the key of the net.Conn in the context of its requests.
type connKey struct{}

// Serve lets clients in through ln until ctx ends, and closes ln. It returns nil then, the error of ln if that fails before, and in
// both cases when all clients are gone. It is called once.
func (d *WebSocket) Serve(ctx context.Context, ln net.Listener) error {
	open, shut := context.WithCancel(ctx)
	defer shut()
	srv := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.admit(open, w, r) }),
		ReadHeaderTimeout: handshakeTimeout,
		ReadTimeout:       handshakeTimeout,
		WriteTimeout:      handshakeTimeout,
		MaxHeaderBytes:    maxHandshakeBytes,
		ConnState:         d.follow,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ErrorLog:          slog.NewLogLogger(d.logger.Handler(), slog.LevelDebug),
	}
	context.AfterFunc(open, func() { srv.Close() })
	err := srv.Serve(ln)
	shut()
	d.crowd.disperse()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("serve websocket clients: %w", err)
}

// follow counts the connections from the first byte on. A client leaves by itself, for the server loses sight of it.
func (d *WebSocket) follow(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if !d.crowd.enter(conn, maxClients+maxRefused) {
			d.outside.warn("too many websocket connections, one is closed", "client", conn.RemoteAddr())
			conn.Close()
		}
	case http.StateClosed:
		d.crowd.leave(conn)
	}
}

// admit answers a handshake and serves the client until it is gone.
func (d *WebSocket) admit(open context.Context, w http.ResponseWriter, r *http.Request) {
	if d.crowd.size() > maxClients {
		d.refuse(w, r, http.StatusServiceUnavailable, "too many websocket clients, one is refused")
		return
	}
	if !sameHost(r) {
		d.refuse(w, r, http.StatusForbidden, "websocket client from a page of another host is refused")
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // sameHost has verified it
	if err != nil {
		d.logger.Debug("websocket handshake failed", "client", r.RemoteAddr, "error", err)
		return
	}
	conn := r.Context().Value(connKey{}).(net.Conn)
	defer d.crowd.leave(conn)
	ws.SetReadLimit(maxIncoming)
	c := &wsClient{
		hub:    d.hub,
		logger: d.logger.With("client", r.RemoteAddr),
		conn:   conn,
		ws:     ws,
		sub:    d.hub.join(text, requested(r.URL.Path)),
	}
	c.run(open)
}

func (d *WebSocket) refuse(w http.ResponseWriter, r *http.Request, status int, msg string) {
	d.outside.warn(msg, "client", r.RemoteAddr, "origin", r.Header.Get("Origin"))
	w.Header().Set("Connection", "close")
	http.Error(w, http.StatusText(status), status)
}

// sameHost tells whether the page that asks, if one does, comes from the host that it asks. Ports differ always: pages have another.
func sameHost(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true // no browser
	}
	origin, err := url.Parse(origins[0])
	host := (&url.URL{Host: r.Host}).Hostname()
	return err == nil && len(origins) == 1 && host != "" && strings.EqualFold(origin.Hostname(), host)
}

// requested returns the headers that a path asks for.
func requested(path string) set {
	var wants set
	for name := range strings.SplitSeq(path, "/") {
		if name == "all" {
			return all
		}
		if h, err := ParseHeader(name); err == nil {
			wants |= 1 << h
		}
	}
	return wants
}

// wsClient is a WebSocket client. It ends in one way only: its queue is closed, by whoever finds a reason, and tell says goodbye.
type wsClient struct {
	hub    *Hub
	logger *slog.Logger
	conn   net.Conn // under ws
	ws     *websocket.Conn
	sub    *subscriber
}

func (c *wsClient) run(open context.Context) {
	done := make(chan struct{})
	stop := context.AfterFunc(open, func() { c.hub.leave(c.sub) })
	defer stop()
	var others sync.WaitGroup
	others.Go(c.listen)
	others.Go(func() { c.watch(done) })
	c.tell(open)
	close(done)
	others.Wait()
}

// tell writes the queue until it is closed, then closes the connection.
func (c *wsClient) tell(open context.Context) {
	for wire := range c.sub.queue {
		if err := c.write(wire); err != nil {
			c.logger.Debug("websocket client cannot be written to", "error", err)
			c.hub.leave(c.sub)
			c.ws.CloseNow()
			return
		}
	}
	switch {
	case c.sub.overflown:
		c.logger.Warn("websocket client was too slow and is closed", "queue", queueLength)
		c.close(websocket.StatusTryAgainLater, "too slow")
	case open.Err() != nil:
		c.close(websocket.StatusGoingAway, "")
	default:
		c.close(websocket.StatusNormalClosure, "")
	}
}

func (c *wsClient) write(wire []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return c.ws.Write(ctx, websocket.MessageText, wire)
}

// close says goodbye, if nobody has, and waits a little for the answer. The deadline holds for what the client was about to say, too.
func (c *wsClient) close(code websocket.StatusCode, reason string) {
	c.conn.SetDeadline(time.Now().Add(closeTimeout))
	c.ws.Close(code, reason)
}

// listen throws away what the client says, until it closes the connection or says something wrong. Reading answers its pings.
func (c *wsClient) listen() {
	defer c.hub.leave(c.sub)
	for {
		_, r, err := c.ws.Reader(context.Background())
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil {
			c.logger.Debug("websocket client is gone", "reason", err)
			return
		}
	}
}

// watch finds clients that are gone without a word.
func (c *wsClient) watch(done <-chan struct{}) {
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		switch err := c.ping(); {
		case err == nil:
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, errNoPong):
			c.logger.Debug("websocket client gives no sign of life")
			c.hub.leave(c.sub)
			c.close(websocket.StatusInternalError, "keepalive ping timeout")
			return
		}
		// any other error comes from a write that is stuck, and that has its own time
	}
}

var errNoPong = errors.New("no pong")

func (c *wsClient) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	err := c.ws.Ping(ctx)
	if err != nil && ctx.Err() != nil {
		return errNoPong
	}
	return err
}
