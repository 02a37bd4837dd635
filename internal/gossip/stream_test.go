package gossip

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/listener"
)

// streamTest is a log that node 1 serves and that follower 2 reads, on a memNet.
type streamTest struct {
	t       *testing.T
	net     *memNet
	node    *testNode
	server  *http.Server
	reports chan report
	stop    context.CancelFunc
	wg      sync.WaitGroup
}

// streamBubble runs a test with the log of run "A", or with a server of the test's own.
func streamBubble(t *testing.T, handler http.HandlerFunc, test func(*testing.T, *streamTest)) {
	synctest.Test(t, func(t *testing.T) {
		s := &streamTest{t: t, net: newMemNet(1, time.Millisecond, 0), reports: make(chan report), stop: func() {}}
		s.serve("A", handler)
		test(t, s)
		s.stop()
		s.server.Close()
		s.wg.Wait()
	})
}

// serve begins a new run of node 1, which has all addresses of 10.0.0.1.
func (s *streamTest) serve(epoch string, handler http.Handler) {
	s.node = &testNode{state: &testState{}}
	s.node.log = NewLog(epoch, 0, s.node.state.snapshot)
	if f, ok := handler.(http.HandlerFunc); !ok || f == nil {
		allow := func(name string) bool { return name != "stranger" }
		handler = newEvents(s.node.log, NewTrust("secret", testName(1)), allow, discard())
	}
	s.server = listener.NewServer(handler, discard())
	s.wg.Go(func() { s.server.Serve(s.net.listen(testAddr(1))) })
}

// follow starts a follower at a position.
func (s *streamTest) follow(trust *Trust, epoch string, next uint64) {
	cfg := Config{Trust: trust, Dial: s.net.dialer(testAddr(2).Addr())}
	f := newFollower(&cfg, testName(1), testName(1), epoch, next, s.reports)
	ctx, stop := context.WithCancel(s.t.Context())
	s.stop = stop
	s.wg.Go(func() { f.run(ctx) })
}

func (s *streamTest) trust() *Trust { return NewTrust("secret", testName(2)) }

// next returns the next report as a text.
func (s *streamTest) next() string {
	return reportText((<-s.reports).what)
}

func reportText(what any) string {
	switch w := what.(type) {
	case streamUp:
		return "up " + w.epoch
	case streamDown:
		return "down: " + w.err.Error()
	case streamGone:
		return "gone: " + w.reason.String()
	case streamData:
		if w.line.Snapshot {
			return fmt.Sprintf("snapshot %s %d", w.epoch, w.line.Seq)
		}
		return fmt.Sprintf("entry %s %d", w.epoch, w.line.Seq)
	}
	return fmt.Sprintf("unknown %T", what)
}

// expect demands the next reports; one that ends with an asterisk stands for all that begin like it.
func (s *streamTest) expect(want ...string) {
	s.t.Helper()
	for i, w := range want {
		got := s.next()
		prefix, open := strings.CutSuffix(w, "*")
		if got != w && !(open && strings.HasPrefix(got, prefix)) {
			s.t.Fatalf("report %d is %q, expected %q", i, got, w)
		}
	}
}

// breakAll breaks all connections.
func (s *streamTest) breakAll() {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	for c := range s.net.conns {
		if c.local == testAddr(1) {
			go c.Close()
		}
	}
}

func TestStreamBeginsWithASnapshotAndResumes(t *testing.T) {
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		s.node.publish(t)
		s.follow(s.trust(), "", 0)
		s.expect("up A", "snapshot A 1")
		s.node.publish(t)
		s.expect("entry A 2")
		for range 3 {
			s.breakAll()
			s.expect("down: *")
			s.node.publish(t)
			s.node.publish(t)
			n := s.node.log.Head()
			s.expect("up A", fmt.Sprint("entry A ", n-1), fmt.Sprint("entry A ", n))
		}
	})
}

func TestStreamResumesWhereItIsTold(t *testing.T) {
	for _, c := range []struct {
		epoch string
		next  uint64
		want  []string
	}{
		{"A", 3, []string{"up A", "entry A 3", "entry A 4"}},
		{"A", 5, []string{"up A", "entry A 5"}}, // which comes later
		{"A", 9, []string{"up A", "snapshot A 4"}},
		{"A", 0, []string{"up A", "snapshot A 4"}},
		{"B", 3, []string{"up A", "snapshot A 4"}},
	} {
		streamBubble(t, nil, func(t *testing.T, s *streamTest) {
			for range 4 {
				s.node.publish(t)
			}
			s.follow(s.trust(), c.epoch, c.next)
			time.AfterFunc(time.Minute, func() { s.node.publish(t) })
			s.expect(c.want...)
		})
	}
}

func TestOverflowOfTheRing(t *testing.T) {
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		s.node.publish(t)
		s.follow(s.trust(), "", 0)
		s.expect("up A", "snapshot A 1")
		s.breakAll()
		s.expect("down: *")
		for range ringSize + 1 {
			s.node.publish(t)
		}
		s.expect("up A", fmt.Sprint("snapshot A ", ringSize+2))
		s.node.publish(t)
		s.expect(fmt.Sprint("entry A ", ringSize+3))
	})
}

func TestRestartedPublisher(t *testing.T) {
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		s.node.publish(t)
		s.follow(s.trust(), "", 0)
		s.expect("up A", "snapshot A 1")
		s.server.Close()
		s.serve("B", nil)
		s.expect("down: *", "up B", "snapshot B 0")
		s.node.publish(t)
		s.expect("entry B 1")
	})
}

func TestPublisherEnds(t *testing.T) {
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		s.follow(s.trust(), "", 0)
		s.expect("up A", "snapshot A 0")
		s.node.publish(t)
		s.node.log.Bye()
		s.expect("entry A 1", "down: "+errBye.Error(), "gone: it is shutting down")
		s.expect("down: "+errBye.Error(), "gone: it is shutting down") // 410, the port is open still
		s.server.Close()
		s.expect("down: *connection refused"[:6] + "*")
	})
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		s.follow(s.trust(), "", 0)
		s.expect("up A", "snapshot A 0")
		began := time.Now()
		s.net.kill(testAddr(1).Addr())
		s.expect("down: *", "gone: nothing listens on its port")
		if d := time.Since(began); d > 200*time.Millisecond {
			t.Errorf("noticed after %v", d)
		}
		s.expect("down: *", "down: *", "down: *") // and no more than once
		s.server.Close()
		s.serve("B", nil)
		s.expect("up B", "snapshot B 0")
		s.node.log.Close()
		s.expect("down: *", `down: answer "503 *`)
	})
}

func TestQuietStreamStaysUp(t *testing.T) {
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		s.follow(s.trust(), "", 0)
		s.expect("up A", "snapshot A 0")
		select {
		case r := <-s.reports:
			t.Errorf("report %q", reportText(r.what))
		case <-time.After(time.Hour):
		}
		s.node.publish(t)
		s.expect("entry A 1")
	})
}

// Blank lines are for streams that have nothing else to say.
func TestBlankLines(t *testing.T) {
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		resp := s.open(t, "raw:1")
		var text bytes.Buffer
		read := make(chan struct{})
		go func() {
			defer close(read)
			io.Copy(&text, resp.Body)
		}()
		for range 10 {
			settle(keepAlive - time.Second)
			s.node.publish(t)
		}
		settle(5 * keepAlive / 2)
		resp.Body.Close()
		<-read
		blank := 0
		for line := range strings.Lines(text.String()) {
			if line == "\n" {
				blank++
			}
		}
		if blank != 2 {
			t.Errorf("%d blank lines in\n%s", blank, &text)
		}
		settle(2 * keepAlive) // the publisher notices
	})
}

func TestSilentPublisherIsAskedAgain(t *testing.T) {
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		s.follow(s.trust(), "", 0)
		s.expect("up A", "snapshot A 0")
		s.net.partition(1, testAddr(1).Addr())
		began := time.Now()
		s.expect("down: " + errSilence.Error())
		if d := time.Since(began); d > silenceTimeout+time.Second {
			t.Errorf("noticed after %v", d)
		}
		s.node.publish(t)
		s.expect("down: *") // nobody answers, but nobody refuses either
		s.net.partition(0, testAddr(1).Addr())
		for {
			if got := s.next(); got == "up A" {
				break
			} else if !strings.HasPrefix(got, "down") {
				t.Fatal(got)
			}
		}
		s.expect("entry A 1")
	})
}

// A reader that takes nothing for a while costs the publisher and the others nothing, and then gets a snapshot.
func TestSlowReader(t *testing.T) {
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		s.follow(s.trust(), "", 0) // takes what comes, but we do not look yet
		slow := s.open(t, "slow:1")
		defer slow.Body.Close()
		s.expect("up A", "snapshot A 0")
		for range 3 * ringSize {
			began := time.Now()
			s.node.publish(t)
			if d := time.Since(began); d != 0 {
				t.Fatalf("Append took %v", d)
			}
			s.expect(fmt.Sprint("entry A ", s.node.log.Head()))
		}
		r := bufio.NewReader(slow.Body)
		last, snapshots := uint64(0), 0
		for last < s.node.log.Head() {
			b, err := readLine(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			var l line
			if len(b) == 0 {
				continue
			}
			if err := json.Unmarshal(b, &l); err != nil {
				t.Fatal(err)
			}
			if l.Snapshot {
				snapshots++
			} else if l.Seq != last+1 {
				t.Fatalf("entry %d after %d", l.Seq, last)
			}
			last = l.Seq
		}
		if snapshots < 2 {
			t.Errorf("%d snapshots", snapshots)
		}
	})
}

// open asks for the log as another peer does.
func (s *streamTest) open(t *testing.T, name string) *http.Response {
	t.Helper()
	trust := NewTrust("secret", name)
	f := newFollower(&Config{Trust: trust, Dial: s.net.dialer(testAddr(3).Addr())}, testName(1), testName(1), "", 0, nil)
	resp, err := f.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestReaderThatNeverReadsIsCutOff(t *testing.T) {
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		resp := s.open(t, "stuck:1")
		defer resp.Body.Close()
		began := time.Now()
		for range ringSize {
			s.node.publish(t)
		}
		for s.count() > 0 && time.Since(began) < time.Hour {
			time.Sleep(time.Second)
		}
		if d := time.Since(began); d < writeTimeout || d > writeTimeout+5*time.Second {
			t.Errorf("cut off after %v", d)
		}
	})
}

// count returns how many streams are being served.
func (s *streamTest) count() int {
	e := s.server.Handler.(*events)
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.readers)
}

func TestNewStreamReplacesTheOneBefore(t *testing.T) {
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		first, second, third := s.open(t, "x:1"), s.open(t, "x:1"), s.open(t, "y:1")
		for _, resp := range []*http.Response{second, third} {
			defer resp.Body.Close()
		}
		if b, err := io.ReadAll(first.Body); !strings.Contains(string(b), `"snapshot":true`) {
			t.Errorf("first stream: %q %v", b, err)
		}
		first.Body.Close()
		synctest.Wait()
		if n := s.count(); n != 2 {
			t.Errorf("%d streams", n)
		}
	})
}

func TestRefusedStreams(t *testing.T) {
	for _, c := range []struct {
		name  string
		trust *Trust
		want  string
	}{
		{"other secret", NewTrust("other", testName(2)), `down: answer "401 Unauthorized": "the signature is wrong\n"`},
		{"stranger", NewTrust("secret", "stranger"), `down: answer "403 Forbidden": "node stranger is not configured here\n"`},
	} {
		streamBubble(t, nil, func(t *testing.T, s *streamTest) {
			s.follow(c.trust, "", 0)
			began := time.Now()
			for range 20 {
				s.expect(c.want)
			}
			if d := time.Since(began); d < time.Minute {
				t.Errorf("20 attempts in %v", d)
			}
		})
	}
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		trust := s.trust()
		trust.skews[testName(1)] = time.Hour // our clock is an hour early
		s.follow(trust, "", 0)
		s.expect(`down: answer "401 Unauthorized": "the time of the request is too far off\n"`, "up A", "snapshot A 0")
	})
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		w := httptest.NewRecorder()
		s.server.Handler.ServeHTTP(w, httptest.NewRequest("POST", eventsPath, nil))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET" {
			t.Errorf("POST: %d %v", w.Code, w.Header())
		}
	})
}

// What a server that is not one of ours, or has lost its mind, may answer: no line of it reaches the owner.
func TestStrangeAnswers(t *testing.T) {
	trust := NewTrust("secret", testName(1))
	good := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if _, err := trust.Verify(w, r); err != nil {
				panic(err)
			}
			w.Header().Set(headerEpoch, "A")
			io.WriteString(w, body)
		}
	}
	snapshot := `{"snapshot":true,"seq":5,"data":1}` + "\n"
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    []string
	}{
		"no proof": {func(w http.ResponseWriter, r *http.Request) { w.Header().Set(headerEpoch, "A") },
			[]string{"down: answer of 10.0.0.1:9001: the signature is wrong"}},
		"another name": {func(w http.ResponseWriter, r *http.Request) {
			NewTrust("secret", "10.0.0.7:9001").prove(w, r.Header.Get(headerNonce), time.Now())
		}, []string{"down: answer of 10.0.0.1:9001: the signature is wrong"}},
		"not found": {http.NotFound, []string{`down: answer "404 Not Found": "404 page not found\n"`}},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://10.0.0.9/", http.StatusFound)
		},
			[]string{`down: answer "302 Found": *`}},
		"no epoch":    {func(w http.ResponseWriter, r *http.Request) { trust.Verify(w, r) }, []string{`down: the epoch "" is not valid`}},
		"the end":     {good(""), []string{"up A", "down: EOF"}},
		"half":        {good(snapshot + `{"seq":6`), []string{"up A", "snapshot A 5", "down: EOF"}},
		"garbage":     {good("<html>\n"), []string{"up A", "down: line of the stream: *"}},
		"binary":      {good("\x00\xff\n"), []string{"up A", "down: line of the stream: *"}},
		"gap":         {good(snapshot + `{"seq":6,"data":1}` + "\n" + `{"seq":8}` + "\n"), []string{"up A", "snapshot A 5", "entry A 6", "down: " + errGap.Error()}},
		"old":         {good(snapshot + `{"seq":4}` + "\n" + `{"seq":5}` + "\n" + `{"seq":6}` + "\n"), []string{"up A", "snapshot A 5", "entry A 6", "down: EOF"}},
		"no snapshot": {good(`{"seq":1,"data":1}` + "\n"), []string{"up A", "down: " + errGap.Error()}},
		"blank":       {good("\n\r\n\n" + snapshot), []string{"up A", "snapshot A 5", "down: EOF"}},
	} {
		t.Run(name, func(t *testing.T) {
			streamBubble(t, c.handler, func(t *testing.T, s *streamTest) {
				s.follow(s.trust(), "", 0)
				s.expect(c.want...)
			})
		})
	}
}

// A snapshot that cannot be had ends the stream, and is asked for again.
func TestSnapshotFails(t *testing.T) {
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		fail := true
		s.node.log.snapshot = func(context.Context) (uint64, json.RawMessage, error) {
			if fail {
				fail = false
				return 0, nil, errors.New("not now")
			}
			return 0, json.RawMessage(`1`), nil
		}
		s.follow(s.trust(), "", 0)
		s.expect("up A", "down: *", "up A", "snapshot A 0")
	})
	// one that is always older than what is kept would be asked for without end
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		for range ringSize + 10 {
			s.node.publish(t)
		}
		s.node.log.snapshot = func(context.Context) (uint64, json.RawMessage, error) { return 1, json.RawMessage(`1`), nil }
		s.follow(s.trust(), "", 0)
		s.expect("up A", "snapshot A 1", "snapshot A 1", "snapshot A 1", "down: *")
	})
}

func TestStreamOverTLS(t *testing.T) {
	log := NewLog("A", 7, func(context.Context) (uint64, json.RawMessage, error) { return 7, json.RawMessage(`1`), nil })
	server := httptest.NewTLSServer(newEvents(log, NewTrust("secret", "example.com:9001"), func(string) bool { return true }, discard()))
	defer server.Close()
	defer log.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	cfg := Config{Trust: NewTrust("secret", "a:1"), TLS: &tls.Config{RootCAs: pool}, Dial: (&net.Dialer{}).DialContext}
	for name, want := range map[string][]string{
		"example.com:9001": {"up A", "snapshot A 7"},
		"elsewhere:9001":   {"down: "},
	} {
		reports := make(chan report)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { newFollower(&cfg, name, server.Listener.Addr().String(), "", 0, reports).run(ctx) })
		for _, w := range want {
			if got := reportText((<-reports).what); !strings.HasPrefix(got, w) {
				t.Errorf("%s: %q, expected %q", name, got, w)
			}
		}
		stop()
		wg.Wait()
	}
}

// FuzzStream feeds what a peer may send to a follower: whatever it is, what reaches the owner is in order.
func FuzzStream(f *testing.F) {
	f.Add([]byte(`{"snapshot":true,"seq":5,"data":1}` + "\n" + `{"seq":6,"data":{}}` + "\n\n" + `{"seq":8}` + "\n"))
	f.Add([]byte(`{"snapshot":true,"seq":18446744073709551615}` + "\n" + `{"seq":0}` + "\n" + `{"bye":true}` + "\n"))
	f.Add([]byte("[]\nnull\n{}\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		reports := make(chan report, 1+slices.Max([]int{1, len(in)}))
		fl := &follower{out: reports}
		timer := time.NewTimer(time.Hour)
		defer timer.Stop()
		if err := fl.read(t.Context(), strings.NewReader(string(in)), "A", timer); err == nil {
			t.Fatal("a stream ended without an error")
		}
		close(reports)
		begun, last := false, uint64(0)
		for r := range reports {
			l := r.what.(streamData).line
			if !l.Snapshot && (!begun || l.Seq != last+1) {
				t.Fatalf("entry %d after %d", l.Seq, last)
			}
			begun, last = true, l.Seq
		}
	})
}
