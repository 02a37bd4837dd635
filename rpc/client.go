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

// believedLength is how long a reply may be announced, in bytes, for the room to be made at once.
const believedLength = 4 << 20

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
	// Dial, if set, connects to an http or https server in place of a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
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
	if config.Dial != nil {
		transport.DialContext = config.Dial
	}
	c := &Client{config: config, http: &http.Client{Transport: transport, CheckRedirect: noRedirect}}
	if c.config.MaxReply == 0 {
		c.config.MaxReply = DefaultMaxReply
	}
	address, socket, err := splitURL(config.URL)
	if err != nil {
		return nil, fmt.Errorf("server url: %w", err)
	}
	if socket != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		}
	}
	if address.User != nil {
		c.config.User = address.User.Username()
		c.config.Password, _ = address.User.Password()
		address.User = nil
	}
	c.url = address.String()
	return c, nil
}

// splitURL returns the URL to call and, if the server listens on a unix socket, the path of that.
func splitURL(text string) (address *url.URL, socket string, err error) {
	if rest, ok := strings.CutPrefix(text, "unix://"); ok {
		// the path is taken byte for byte, as Supervisor does; only a user and password before it have escapes
		credentials := ""
		if at := strings.Index(rest, "@/"); at >= 0 && rest[0] != '/' {
			credentials, rest = rest[:at+1], rest[at+1:]
		}
		if rest == "" || rest == "/" {
			return nil, "", errors.New("unix:// needs the path of a socket")
		}
		socket, text = rest, "http://"+credentials+"localhost"
	}
	address, err = url.Parse(text)
	if err != nil {
		return nil, "", errors.New("is malformed") // the cause would show the password
	}
	if (address.Scheme != "http" && address.Scheme != "https") || address.Host == "" {
		return nil, "", fmt.Errorf("%s is none of http://host, https://host, unix:///path", address.Redacted())
	}
	if address.Path == "" || address.Path == "/" {
		address.Path = Path
	}
	return address, socket, nil
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
	var reply bytes.Buffer
	reply.Grow(int(min(max(response.ContentLength, 0), believedLength)) + bytes.MinRead)
	if _, err := reply.ReadFrom(io.LimitReader(response.Body, c.config.MaxReply+1)); err != nil {
		return nil, err
	}
	if int64(reply.Len()) > c.config.MaxReply {
		return nil, ErrReplyTooLarge
	}
	return reply.Bytes(), nil
}

// Close closes the connections that are kept. Calls under way end undisturbed.
func (c *Client) Close() { c.http.CloseIdleConnections() }
