package gossip

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The headers of a signed request, and of the answer to it.
const (
	headerFrom      = "X-Supvisors-From"      // identifier of the sender
	headerTo        = "X-Supvisors-To"        // identifier of the node it is for
	headerTime      = "X-Supvisors-Time"      // milliseconds since 1970 by the sender's clock
	headerNonce     = "X-Supvisors-Nonce"     // never used twice
	headerSignature = "X-Supvisors-Signature" // HMAC-SHA256 in hexadecimal
)

const (
	// replayWindow is how far the time of a request may be off, and so how long its nonce must be remembered on either side.
	replayWindow = 30 * time.Second
	// maxNonces bounds the requests that are remembered per window. Only holders of the secret can fill it.
	maxNonces = 1 << 16
	// maxSignedBody bounds the body of a signed request, in bytes.
	maxSignedBody = 4 << 20
)

// The ways in which a request fails the check.
var (
	ErrUnsigned  = errors.New("the request is not signed")
	ErrSignature = errors.New("the signature is wrong")
	ErrClock     = errors.New("the time of the request is too far off")
	ErrReplay    = errors.New("the request was seen before")
	ErrTo        = errors.New("the request is for another node")
	ErrCert      = errors.New("the request comes without a certificate")
)

// Trust is what the nodes of a cluster have in common: the secret that encrypts their gossip and signs their requests. It may be
// used by any number of goroutines.
//
// A signature covers method, path, query, body, sender, addressee, time and nonce, so that a request cannot be changed, sent
// again, or sent to another node. An empty secret is a secret that everybody knows.
type Trust struct {
	// RequireCert demands that signed requests come over TLS with a certificate that was verified. To be set before first use.
	RequireCert bool

	self string
	keys atomic.Pointer[keys]

	mu     sync.Mutex
	skews  map[string]time.Duration // clock of a peer minus ours, where it matters
	nonces nonceCache
}

// keys are what a secret is used for.
type keys struct{ gossip, sign [sha256.Size]byte }

// NewTrust derives the keys from the secret. self is the identifier of this node.
func NewTrust(secret, self string) *Trust {
	t := &Trust{self: self, skews: map[string]time.Duration{}, nonces: nonceCache{limit: maxNonces, window: 2 * replayWindow}}
	t.SetSecret(secret)
	return t
}

// SetSecret replaces the secret. Requests and gossip connections that begin afterwards use it; a [Membership] that has started would
// go on to encrypt with the old one, and is to be replaced as well.
func (t *Trust) SetSecret(secret string) {
	t.keys.Store(&keys{
		gossip: sha256.Sum256([]byte("supvisors gossip\x00" + secret)),
		sign:   sha256.Sum256([]byte("supvisors request\x00" + secret)),
	})
}

// Sign signs a request of this node to the node to. body is what the request will send, nil for nothing.
func (t *Trust) Sign(r *http.Request, to string, body []byte) {
	t.mu.Lock()
	now := time.Now().Add(t.skews[to])
	t.mu.Unlock()
	r.Header.Set(headerFrom, t.self)
	r.Header.Set(headerTo, to)
	r.Header.Set(headerTime, strconv.FormatInt(now.UnixMilli(), 10))
	r.Header.Set(headerNonce, rand.Text())
	r.Header.Set(headerSignature, t.requestMAC(r, body))
}

// Signed reports whether a request claims to come from another node.
func Signed(r *http.Request) bool { return r.Header.Get(headerSignature) != "" }

// Verify checks a request and returns the identifier of the node that sent it. The body is read, up to 4 MiB, and can be read
// again. The answer must be sent by the same w: it carries the proof that this node knows the secret, too.
func (t *Trust) Verify(w http.ResponseWriter, r *http.Request) (from string, err error) {
	if !Signed(r) {
		return "", ErrUnsigned
	}
	if t.RequireCert && (r.TLS == nil || len(r.TLS.VerifiedChains) == 0) {
		return "", ErrCert
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSignedBody))
	if err != nil {
		return "", fmt.Errorf("read signed request: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !hmac.Equal([]byte(t.requestMAC(r, body)), []byte(r.Header.Get(headerSignature))) {
		return "", ErrSignature
	}
	if r.Header.Get(headerTo) != t.self {
		return "", ErrTo
	}
	now := time.Now()
	nonce := r.Header.Get(headerNonce)
	t.prove(w, nonce, now)
	ms, err := strconv.ParseInt(r.Header.Get(headerTime), 10, 64)
	if err != nil || now.Sub(time.UnixMilli(ms)).Abs() > replayWindow {
		return "", ErrClock
	}
	from = r.Header.Get(headerFrom)
	t.mu.Lock()
	fresh := t.nonces.add(from+"\n"+nonce, now)
	t.mu.Unlock()
	if !fresh {
		return "", ErrReplay
	}
	return from, nil
}

// Confirm checks that the answer to a signed request comes from the node that the request was for, and learns how far the clock
// of that node is off, so that the next request to it fits. To be called for answers that refuse the request, too.
func (t *Trust) Confirm(resp *http.Response) error {
	to, nonce := resp.Request.Header.Get(headerTo), resp.Request.Header.Get(headerNonce)
	stamp := resp.Header.Get(headerTime)
	ms, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || !hmac.Equal([]byte(t.answerMAC(to, nonce, stamp)), []byte(resp.Header.Get(headerSignature))) {
		return fmt.Errorf("answer of %s: %w", to, ErrSignature)
	}
	skew := time.Until(time.UnixMilli(ms))
	t.mu.Lock()
	defer t.mu.Unlock()
	if skew.Abs() < replayWindow/2 {
		delete(t.skews, to)
	} else {
		t.skews[to] = skew
	}
	return nil
}

// prove signs the answer to a request whose signature was right.
func (t *Trust) prove(w http.ResponseWriter, nonce string, now time.Time) {
	stamp := strconv.FormatInt(now.UnixMilli(), 10)
	w.Header().Set(headerTime, stamp)
	w.Header().Set(headerSignature, t.answerMAC(t.self, nonce, stamp))
}

func (t *Trust) requestMAC(r *http.Request, body []byte) string {
	sum := sha256.Sum256(body)
	h := r.Header
	return t.mac("request", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, h.Get(headerFrom), h.Get(headerTo), h.Get(headerTime),
		h.Get(headerNonce), hex.EncodeToString(sum[:]))
}

func (t *Trust) answerMAC(self, nonce, stamp string) string {
	return t.mac("answer", self, nonce, stamp)
}

func (t *Trust) mac(parts ...string) string {
	m := hmac.New(sha256.New, t.keys.Load().sign[:])
	io.WriteString(m, strings.Join(parts, "\n"))
	return hex.EncodeToString(m.Sum(nil))
}

// helloSize is the length of a hello in bytes.
const helloSize = 32

// hello begins a gossip connection of a kind: 16 random bytes and 16 that show that the sender has the secret. It keeps strangers
// from taking the places of nodes; what follows it is encrypted. Whoever repeats a hello that was overheard gains a place, no more.
func (t *Trust) hello(kind byte) []byte {
	b := make([]byte, helloSize)
	rand.Read(b[:helloSize/2])
	copy(b[helloSize/2:], t.helloMAC(kind, b))
	return b
}

// knows checks a hello.
func (t *Trust) knows(kind byte, hello []byte) bool {
	return len(hello) == helloSize && hmac.Equal([]byte(t.helloMAC(kind, hello))[:helloSize/2], hello[helloSize/2:])
}

func (t *Trust) helloMAC(kind byte, hello []byte) string {
	return t.mac("gossip", string(kind), hex.EncodeToString(hello[:helloSize/2]))
}

// nonceCache remembers nonces for at least window, in two generations.
type nonceCache struct {
	limit     int
	window    time.Duration
	cur, prev map[string]struct{}
	began     time.Time // of cur
}

// add reports whether the nonce is new. When a generation is full, every nonce counts as seen.
func (c *nonceCache) add(nonce string, now time.Time) bool {
	if age := now.Sub(c.began); c.cur == nil || age >= c.window {
		c.prev = c.cur
		if age >= 2*c.window {
			c.prev = nil
		}
		c.cur, c.began = map[string]struct{}{}, now
	}
	if _, seen := c.cur[nonce]; seen || len(c.cur) >= c.limit {
		return false
	}
	if _, seen := c.prev[nonce]; seen {
		return false
	}
	c.cur[nonce] = struct{}{}
	return true
}
