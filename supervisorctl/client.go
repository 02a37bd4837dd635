package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/supvisors/supvisors/rpc"
)

// dial returns a client of the server at url, without connecting.
func dial(url, user, password string) (*rpc.Client, error) {
	client, err := rpc.NewClient(rpc.ClientConfig{URL: url, User: user, Password: password})
	if err != nil {
		return nil, pyError{"ValueError", "Unknown protocol for serverurl " + url}
	}
	return client, nil
}

// follow copies a log of the server to the output as it grows, until the server ends it or ctx does. Trouble is told on the error
// output, in the peer's words, and is no failure of the command.
func (c *control) follow(ctx context.Context, path string) {
	err := c.copyStream(ctx, path)
	if err != nil && ctx.Err() == nil {
		fmt.Fprintf(c.errOut, "%s%s %s\n", c.serverURL, path, err)
	}
}

func (c *control) copyStream(ctx context.Context, path string) error {
	transport, base := streamTransport(c.serverURL)
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return err
	}
	if c.password != "" {
		request.SetBasicAuth(c.username, c.password)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		class, text := classify(err)
		return fmt.Errorf("Cannot connect, error: <class '%s'> (%s)", class, text)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("Cannot read, status code %d", response.StatusCode)
	}
	_, err = io.Copy(c.out, response.Body)
	return err
}

// streamTransport returns a transport that reaches the server, and the URL that its paths are added to.
func streamTransport(serverURL string) (*http.Transport, string) {
	socket, ok := strings.CutPrefix(serverURL, "unix://")
	if !ok {
		return &http.Transport{}, strings.TrimRight(serverURL, "/")
	}
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}, "http://localhost"
}
