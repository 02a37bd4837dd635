package listener

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority makes certificates for 127.0.0.1 in a directory of its own.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.issue("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) issue(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject = pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	err = errors.Join(
		os.WriteFile(a.path(name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(a.path(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	cert, perr := x509.ParseCertificate(der)
	if err = errors.Join(err, perr); err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// node issues a certificate of a node.
func (a *authority) node(name string) TLSFiles {
	a.issue(name, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	return TLSFiles{Cert: a.path(name + ".crt"), Key: a.path(name + ".key"), CA: a.path("ca.crt")}
}

// The whole port speaks TLS, but for gossip, which is told apart before; certificates are checked if there are any.
func TestTLSOnTheSplitPort(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	server, err := ca.node("a").Server()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := Address{Host: "127.0.0.1"}.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := NewSplit(ln, Silence, discard())
	srv := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "nobody"
		if len(r.TLS.VerifiedChains) > 0 {
			name = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		io.WriteString(w, name)
	}), discard())
	go srv.Serve(tls.NewListener(s.HTTP, server))
	defer s.Close()
	defer srv.Close()

	node, err := ca.node("b").Client()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.node("b").Client()
	if err != nil {
		t.Fatal(err)
	}
	foreign.RootCAs = node.RootCAs
	browser := &tls.Config{RootCAs: node.RootCAs}
	for _, c := range []struct {
		name string
		conf *tls.Config
		want string // "" for a failure
	}{{"node", node, "b"}, {"browser", browser, "nobody"}, {"foreign node", foreign, ""}, {"distrustful browser", &tls.Config{}, ""}} {
		client := http.Client{Transport: &http.Transport{TLSClientConfig: c.conf, DisableKeepAlives: true}, Timeout: 10 * time.Second}
		resp, err := client.Get("https://" + s.Addr().String())
		if err != nil {
			if c.want != "" {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(b) != c.want {
			t.Errorf("%s: %q", c.name, b)
		}
	}
	modern := http.Client{Transport: &http.Transport{TLSClientConfig: browser, ForceAttemptHTTP2: true, DisableKeepAlives: true}, Timeout: 10 * time.Second}
	if resp, err := modern.Get("https://" + s.Addr().String()); err != nil {
		t.Error(err)
	} else if resp.Body.Close(); resp.ProtoMajor != 2 {
		t.Errorf("a browser gets %s", resp.Proto)
	}
	gossip := dial(t, s.Addr().String())
	gossip.Write([]byte{StreamByte})
	if in, err := s.Streams.Accept(); err != nil {
		t.Error(err)
	} else {
		in.Close()
	}
}

func TestTLSFilesErrors(t *testing.T) {
	ca := newAuthority(t)
	good := ca.node("a")
	other := ca.node("b")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		f    TLSFiles
		text string
	}{
		{TLSFiles{Cert: good.Cert}, "must be given together"},
		{TLSFiles{Key: good.Key}, "must be given together"},
		{TLSFiles{Cert: "/no/cert", Key: good.Key}, "/no/cert"},
		{TLSFiles{Cert: good.Cert, Key: other.Key}, good.Cert},
		{TLSFiles{Cert: good.Cert, Key: good.Key, CA: "/no/ca"}, "/no/ca"},
		{TLSFiles{Cert: good.Cert, Key: good.Key, CA: empty}, "holds no certificate"},
	} {
		_, serr := c.f.Server()
		_, cerr := c.f.Client()
		for _, err := range []error{serr, cerr} {
			if err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%+v: %v", c.f, err)
			}
		}
		if !c.f.Enabled() {
			t.Errorf("%+v is not enabled", c.f)
		}
	}
	if (TLSFiles{CA: good.CA}).Enabled() {
		t.Error("a CA alone enables TLS")
	}
	plain, err := TLSFiles{Cert: good.Cert, Key: good.Key}.Server()
	if err != nil || plain.ClientAuth != tls.NoClientCert {
		t.Errorf("without a CA: %v %v", plain.ClientAuth, err)
	}
}
