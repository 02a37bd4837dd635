package listener

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLSFiles names the PEM files of [inet_http_server]: certfile, keyfile and ca_certs.
type TLSFiles struct {
	Cert, Key string
	CA        string // optional: what the certificates of nodes (and of clients that have one) are checked against
}

// Enabled reports whether the port is to speak TLS.
func (f TLSFiles) Enabled() bool { return f.Cert != "" || f.Key != "" }

// Server returns the settings of the port. With a CA, a client that shows a certificate must show a good one; that it shows one is
// demanded only of nodes, where their requests are checked, as browsers have none.
func (f TLSFiles) Server() (*tls.Config, error) {
	cert, pool, err := f.load()
	if err != nil {
		return nil, err
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"}} // HTTP/2 lets a browser have more than six requests under way, of which streams are some
	if pool != nil {
		c.ClientCAs, c.ClientAuth = pool, tls.VerifyClientCertIfGiven
	}
	return c, nil
}

// Client returns the settings for calls to other nodes: this node shows its certificate and checks theirs against the CA, or
// against the system's when there is none.
func (f TLSFiles) Client() (*tls.Config, error) {
	cert, pool, err := f.load()
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

func (f TLSFiles) load() (tls.Certificate, *x509.CertPool, error) {
	if f.Cert == "" || f.Key == "" {
		return tls.Certificate{}, nil, errors.New("certfile and keyfile must be given together")
	}
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return cert, nil, fmt.Errorf("load certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	if f.CA == "" {
		return cert, nil, nil
	}
	pem, err := os.ReadFile(f.CA)
	if err != nil {
		return cert, nil, fmt.Errorf("load ca_certs: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return cert, nil, fmt.Errorf("load ca_certs: %s holds no certificate", f.CA)
	}
	return cert, pool, nil
}
