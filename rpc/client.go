package rpc

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultMaxReply limits the replies of a client that sets no limit, in bytes.
const DefaultMaxReply = 256 << 20

// dialTimeout limits how long a client waits for a connection when its context allows more.
const dialTimeout = 10 * time.Second

// ErrReplyTooLarge is the error for a reply beyond ClientConfig.MaxReply.
var ErrReplyTooLarge = errors.New("reply is too large")

// StatusError is the error for a server that answers an HTTP status other than 200.
type StatusError struct {
	Code   int
	Status string // as the server words it, such as "401 Unauthorized"
}

// Error implements error.
func (e *StatusError) Error() string { return "http status " + e.Status }

// ClientConfig says whom a client calls, and how.
type ClientConfig struct {
	// URL is http://host:port, https://host:port or unix:///path/of/the.sock, as serverurl in supervisord.conf. It may hold
	// user:password@ before the host or socket. The path is Path unless an http URL has one.
	URL      string
	User     string // of basic authentication, if not in the URL
	Password string
	TLS      *tls.Config // for https; nil is Go's default
	MaxReply int64       // bytes; 0 is DefaultMaxReply
	// Prepare, if set, may add headers to a request before it is sent, such as a signature of its body.
	Prepare func(r *http.Request, body []byte) error
}

// Client calls the methods of one server. Calls run side by side, over connections that are kept for the next.
type Client struct {
	config ClientConfig
	url    string // as net/http understands it
	http   *http.Client
}

// NewClient makes a client. Nothing is connected before the first call.
func NewClient(config ClientConfig) (*Client, error) {
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     config.TLS,
		TLSHandshakeTimeout: dialTimeout,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     90 * time.Second,
	}
	c := &Client{config: config, http: &http.Client{Transport: transport, CheckRedirect: noRedirect}}
	if c.config.MaxReply == 0 {
		c.config.MaxReply = DefaultMaxReply
	}
	if rest, ok := strings.CutPrefix(config.URL, "unix://"); ok {
		c.useSocket(rest, transport)
		return c, nil
	}
	u, err := url.Parse(config.URL)
	if err != nil {
		return nil, fmt.Errorf("server url: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("server url %s: is none of http://, https://, unix://", u.Redacted())
	}
	if u.User != nil {
		c.config.User = u.User.Username()
		c.config.Password, _ = u.User.Password()
		u.User = nil
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = Path
	}
	c.url = u.String()
	return c, nil
}

// useSocket makes the client connect to a unix socket, given as path or user:password@path.
func (c *Client) useSocket(address string, transport *http.Transport) {
	if credentials, path, ok := strings.Cut(address, "@/"); ok && !strings.HasPrefix(address, "/") {
		address = "/" + path
		c.config.User, c.config.Password, _ = strings.Cut(credentials, ":")
	}
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dial(ctx, "unix", address)
	}
	c.url = "http://localhost" + Path
}

// noRedirect makes a redirection an answer like any other: a call is not repeated elsewhere.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Call calls a method and stores its value in the variable that out points to (nil: the value is of no interest); see Assign.
// A fault is a *Fault, an HTTP status other than 200 a *StatusError. The call ends with ctx.
func (c *Client) Call(ctx context.Context, method string, out any, args ...any) error {
	body, err := EncodeCall(method, args...)
	if err != nil {
		return fmt.Errorf("call %s: %w", method, err)
	}
	reply, err := c.post(ctx, body)
	if err != nil {
		return fmt.Errorf("call %s: %w", method, err)
	}
	if err := decodeInto(out, reply); err != nil {
		return fmt.Errorf("call %s: %w", method, err)
	}
	return nil
}

// post sends one request and returns the body of the reply.
func (c *Client) post(ctx context.Context, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "text/xml")
	r.Header.Set("Accept", "text/xml")
	if c.config.User != "" || c.config.Password != "" {
		r.SetBasicAuth(c.config.User, c.config.Password)
	}
	if c.config.Prepare != nil {
		if err := c.config.Prepare(r, body); err != nil {
			return nil, err
		}
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, &StatusError{Code: response.StatusCode, Status: response.Status}
	}
	reply, err := io.ReadAll(io.LimitReader(response.Body, c.config.MaxReply+1))
	if err != nil {
		return nil, err
	}
	if int64(len(reply)) > c.config.MaxReply {
		return nil, ErrReplyTooLarge
	}
	return reply, nil
}

// Close closes the connections that are kept. Calls under way end undisturbed.
func (c *Client) Close() { c.http.CloseIdleConnections() }
