package gossip

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// signed returns a request of node a to node b as b's server sees it.
func signed(t *testing.T, trust *Trust, method, target, body string) *http.Request {
	t.Helper()
	out, err := http.NewRequest(method, "http://b:1"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	trust.Sign(out, "b:1", []byte(body))
	in := httptest.NewRequest(method, target, strings.NewReader(body))
	in.Header = out.Header.Clone()
	return in
}

func TestSignedRequest(t *testing.T) {
	a, b := NewTrust("secret", "a:1"), NewTrust("secret", "b:1")
	for _, c := range []struct{ method, target, body string }{
		{"GET", "/cluster/events?epoch=E&from=7", ""},
		{"POST", "/RPC2", "<methodCall/>"},
		{"POST", "/a%2Fb?x=%20", strings.Repeat("x", 100000)},
	} {
		in := signed(t, a, c.method, c.target, c.body)
		if !Signed(in) {
			t.Error("not signed")
		}
		w := httptest.NewRecorder()
		from, err := b.Verify(w, in)
		if err != nil || from != "a:1" {
			t.Errorf("%s %s: from %q: %v", c.method, c.target, from, err)
		}
		if body, err := io.ReadAll(in.Body); string(body) != c.body {
			t.Errorf("the body cannot be read again: %v", err)
		}
		resp := w.Result()
		resp.Request = in
		if err := a.Confirm(resp); err != nil {
			t.Errorf("answer: %v", err)
		}
		if err := NewTrust("other", "a:1").Confirm(resp); !errors.Is(err, ErrSignature) {
			t.Errorf("answer with another secret: %v", err)
		}
	}
}

func TestTamperedRequests(t *testing.T) {
	a, b := NewTrust("secret", "a:1"), NewTrust("secret", "b:1")
	for name, c := range map[string]struct {
		tamper func(r *http.Request)
		want   error
	}{
		"nothing":     {func(*http.Request) {}, nil},
		"method":      {func(r *http.Request) { r.Method = "PUT" }, ErrSignature},
		"path":        {func(r *http.Request) { r.URL.Path = "/other" }, ErrSignature},
		"query":       {func(r *http.Request) { r.URL.RawQuery = "x=2" }, ErrSignature},
		"body":        {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("other")) }, ErrSignature},
		"sender":      {func(r *http.Request) { r.Header.Set(headerFrom, "c:1") }, ErrSignature},
		"addressee":   {func(r *http.Request) { r.Header.Set(headerTo, "c:1") }, ErrSignature},
		"time":        {func(r *http.Request) { r.Header.Set(headerTime, "0") }, ErrSignature},
		"nonce":       {func(r *http.Request) { r.Header.Set(headerNonce, "x") }, ErrSignature},
		"signature":   {func(r *http.Request) { r.Header.Set(headerSignature, strings.Repeat("0", 64)) }, ErrSignature},
		"unsigned":    {func(r *http.Request) { r.Header.Del(headerSignature) }, ErrUnsigned},
		"other node":  {func(r *http.Request) { a.Sign(r, "c:1", []byte("body")) }, ErrTo},
		"other trust": {func(r *http.Request) { NewTrust("other", "a:1").Sign(r, "b:1", []byte("body")) }, ErrSignature},
	} {
		r := signed(t, a, "POST", "/x?x=1", "body")
		c.tamper(r)
		if from, err := b.Verify(httptest.NewRecorder(), r); !errors.Is(err, c.want) || (err == nil) != (from == "a:1") {
			t.Errorf("%s: from %q, error %v, expected %v", name, from, err, c.want)
		}
	}
}

func TestHugeBodyIsRefused(t *testing.T) {
	r := signed(t, NewTrust("", "a:1"), "POST", "/x", strings.Repeat("x", maxSignedBody+1))
	var tooBig *http.MaxBytesError
	if _, err := NewTrust("", "b:1").Verify(httptest.NewRecorder(), r); !errors.As(err, &tooBig) {
		t.Errorf("error %v", err)
	}
}

func TestReplayAndAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := NewTrust("secret", "a:1"), NewTrust("secret", "b:1")
		verify := func(r *http.Request) error {
			_, err := b.Verify(httptest.NewRecorder(), r)
			return err
		}
		old := signed(t, a, "GET", "/x", "")
		again := signed(t, a, "GET", "/x", "")
		if err := verify(again); err != nil {
			t.Fatal(err)
		}
		for range 40 { // as long as the time would do, and across generations of nonces
			if err := verify(again); !errors.Is(err, ErrReplay) && !errors.Is(err, ErrClock) {
				t.Errorf("seen again: %v", err)
			}
			time.Sleep(time.Second)
		}
		if err := verify(old); !errors.Is(err, ErrClock) {
			t.Errorf("after 40 s: %v", err)
		}
	})
}

// The clock of a is an hour late: the first answer of b tells, and the second request fits.
func TestClockSkewIsLearned(t *testing.T) {
	a, b := NewTrust("secret", "a:1"), NewTrust("secret", "b:1")
	a.skews["b:1"] = -time.Hour
	for i, want := range []error{ErrClock, nil, nil} {
		r := signed(t, a, "GET", "/x", "")
		w := httptest.NewRecorder()
		if _, err := b.Verify(w, r); !errors.Is(err, want) {
			t.Errorf("request %d: %v, expected %v", i, err, want)
		}
		resp := w.Result()
		resp.Request = r
		if err := a.Confirm(resp); err != nil {
			t.Errorf("answer %d: %v", i, err)
		}
	}
	// nobody but b can make a believe in another time
	r := signed(t, a, "GET", "/x", "")
	forged := &http.Response{Request: r, Header: http.Header{headerTime: {strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10)}}}
	if err := a.Confirm(forged); !errors.Is(err, ErrSignature) || a.skews["b:1"] != 0 {
		t.Errorf("forged answer: %v, skew %v", err, a.skews["b:1"])
	}
}

func TestRequiredCertificate(t *testing.T) {
	a, b := NewTrust("secret", "a:1"), NewTrust("secret", "b:1")
	b.RequireCert = true
	for _, c := range []struct {
		state *tls.ConnectionState
		want  error
	}{
		{nil, ErrCert},
		{&tls.ConnectionState{}, ErrCert},
		{&tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{}}}, nil},
	} {
		r := signed(t, a, "GET", "/x", "")
		r.TLS = c.state
		if _, err := b.Verify(httptest.NewRecorder(), r); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.state, err)
		}
	}
}

func TestNonceCache(t *testing.T) {
	c := nonceCache{limit: 3, window: time.Minute}
	at := time.Unix(1000, 0)
	step := func(nonce string, d time.Duration, want bool) {
		t.Helper()
		at = at.Add(d)
		if c.add(nonce, at) != want {
			t.Errorf("%q at %v: expected %v", nonce, at.Unix(), want)
		}
	}
	step("a", 0, true)
	step("a", 0, false)
	step("a", 59*time.Second, false)
	step("b", 0, true)
	step("c", time.Second, true)  // a new generation
	step("b", time.Second, false) // is in the one before
	step("d", time.Second, true)  //
	step("e", time.Second, true)  //
	step("f", time.Second, false) // full: better refuse than forget
	step("f", time.Minute, true)  //
	step("a", time.Second, true)  // two generations ago
	step("f", time.Hour, true)    // both are too old
	if n := len(c.cur) + len(c.prev); n != 1 {
		t.Errorf("%d nonces are kept", n)
	}
}

// BenchmarkSignAndVerify signs one request and checks it.
func BenchmarkSignAndVerify(b *testing.B) {
	x, y := NewTrust("secret", "a:1"), NewTrust("secret", "b:1")
	y.nonces.limit = 1 << 30
	for i := range b.N {
		r := httptest.NewRequest("GET", fmt.Sprintf("/cluster/events?epoch=E&from=%d", i), nil)
		x.Sign(r, "b:1", nil)
		if _, err := y.Verify(httptest.NewRecorder(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// The secret may change while requests are signed and checked: each is either good or signed with another secret.
func TestSetSecret(t *testing.T) {
	a, b := NewTrust("one", "a:1"), NewTrust("one", "b:1")
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				from, err := b.Verify(httptest.NewRecorder(), signed(t, a, "POST", "/x", "body"))
				if err != nil && !errors.Is(err, ErrSignature) || err == nil && from != "a:1" {
					t.Errorf("from %q: %v", from, err)
				}
			}
		})
	}
	for i := range 100 {
		a.SetSecret([]string{"one", "two"}[i%2])
		b.SetSecret([]string{"two", "one"}[i%2])
	}
	group.Wait()
	for _, secret := range []string{"two", "one", ""} {
		a.SetSecret(secret)
		if _, err := b.Verify(httptest.NewRecorder(), signed(t, a, "POST", "/x", "body")); (err == nil) != (secret == "one") {
			t.Errorf("secret %q: %v", secret, err)
		}
		if ok := b.knows(1, a.hello(1)); ok != (secret == "one") {
			t.Errorf("hello with secret %q is known: %v", secret, ok)
		}
	}
}
