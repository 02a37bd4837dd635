package publish

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"testing"
	"time"
)

// python returns an interpreter that has the module, or skips the test.
func python(t *testing.T, module string) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import "+module).Run() == nil {
			return name
		}
	}
	t.Skipf("no python3 with the module %s, the client that is most used here (python3-%[1]s)", module)
	return ""
}

// program is a running testdata/subscriber.py.
type program struct {
	t     *testing.T
	in    io.WriteCloser
	lines chan string
}

func start(t *testing.T, module string, args ...string) *program {
	t.Helper()
	cmd := exec.Command(python(t, module), append([]string{"testdata/subscriber.py"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, in: in, lines: make(chan string, manyMessages)}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			p.lines <- scanner.Text()
		}
		close(p.lines)
	}()
	t.Cleanup(func() {
		in.Close()
		timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer timer.Stop()
		<-finished
		if err := cmd.Wait(); err != nil || stderr.Len() > 0 {
			t.Errorf("subscriber.py %q: %v\n%s", args, err, &stderr)
		}
	})
	p.expect("open")
	return p
}

func (p *program) say(line string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) read() string {
	p.t.Helper()
	select {
	case line := <-p.lines:
		return line
	case <-time.After(patience):
		p.t.Fatal("silence")
		return ""
	}
}

func (p *program) expect(want ...string) {
	p.t.Helper()
	for _, w := range want {
		if got := p.read(); got != w {
			p.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

// numbers returns the number of the next message.
func (p *program) numbers() (int, error) {
	line, ok := <-p.lines
	if !ok {
		return 0, io.EOF
	}
	return number(line), nil
}

func TestPythonWebSocket(t *testing.T) {
	h := NewHub()
	addr, shut := serve(t, quiet(h))
	p := start(t, "websockets", "ws", "ws://"+addr+"/process/event")
	everything := start(t, "websockets", "ws", "ws://"+addr+"/all")
	await(t, h, Supvisors, Instance, Application, Process, Event, HostStatistics, ProcessStatistics)
	h.Publish(Process, []byte(`{"state": "RUNNING", "name": "caf\u00e9"}`))
	h.Publish(Instance, []byte(`{"id": 1}`))
	p.say("say something")
	p.say("ping")
	p.expect(`process {"state": "RUNNING", "name": "caf\u00e9"}`, "pong")
	everything.expect(`process {"state": "RUNNING", "name": "caf\u00e9"}`, `instance {"id": 1}`)
	everything.in.Close()
	everything.expect("closed 1000")
	await(t, h, Process, Event)
	h.Publish(Event, []byte(`{"last": true}`))
	shut()
	p.expect(`event {"last": true}`, "closed 1001")
}

func TestPythonZMQ(t *testing.T) {
	for _, c := range []struct {
		name      string
		kind      string
		heartbeat []string
	}{
		{"SUB", "SUB", nil},
		{"XSUB", "XSUB", nil},
		{"SUB with heartbeats", "SUB", []string{"heartbeat"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := NewHub()
			addr, _ := serve(t, NewZMQ(h, slog.New(slog.DiscardHandler)))
			p := start(t, "zmq", append([]string{c.kind, "tcp://" + addr}, c.heartbeat...)...)
			p.say("+process")
			await(t, h, Process)
			p.say("+process")
			p.say("+p")
			await(t, h, Process, ProcessStatistics)
			p.say("-p")
			await(t, h, Process)
			p.say("-process") // once of two
			p.say("+event")
			await(t, h, Process, Event)
			h.Publish(Instance, []byte(`{"not": "asked for"}`))
			h.Publish(Process, []byte(`{"name": "caf\u00e9"}`))
			h.Publish(Event, body(7, 1000))
			p.expect(`process {"name": "caf\u00e9"}`, "event "+string(body(7, 1000)))
			p.say("-process")
			await(t, h, Event)
			p.say("+")
			await(t, h, Supvisors, Instance, Application, Process, Event, HostStatistics, ProcessStatistics)
			p.in.Close()
			await(t, h)
		})
	}
}

// TestPythonZMQComesBack: a socket of ZeroMQ connects again by itself and tells its subscriptions again.
func TestPythonZMQComesBack(t *testing.T) {
	h := NewHub()
	addr, shut := serve(t, NewZMQ(h, slog.New(slog.DiscardHandler)))
	p := start(t, "zmq", "SUB", "tcp://"+addr)
	p.say("+event")
	await(t, h, Event)
	h.Publish(Event, []byte(`{"n": 1}`))
	shut()
	await(t, h)
	p.expect(`event {"n": 1}`)
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, NewZMQ(h, slog.New(slog.DiscardHandler)), ln)
	await(t, h, Event)
	h.Publish(Event, []byte(`{"n": 2}`))
	p.expect(`event {"n": 2}`)
}

// TestPythonMany: four kinds of clients of both doors get everything in order, and a fifth that reads nothing disturbs nobody.
func TestPythonMany(t *testing.T) {
	h := NewHub()
	web, _ := serve(t, quiet(h))
	zero, _ := serve(t, NewZMQ(h, slog.New(slog.DiscardHandler)))
	dialPeer(t, zero).shake().subscribe("process", "pstats")
	sub, xsub := start(t, "zmq", "SUB", "tcp://"+zero), start(t, "zmq", "XSUB", "tcp://"+zero)
	all := []*program{sub, xsub, start(t, "websockets", "ws", "ws://"+web+"/process/event")}
	for i, p := range []*program{sub, xsub} {
		p.say("+process")
		p.say("+" + []string{"instance", "application"}[i])
	}
	await(t, h, Instance, Application, Process, Event, ProcessStatistics)
	var healthy []*follower
	for _, p := range all {
		healthy = append(healthy, follow(p.numbers))
	}
	publishMany(t, h, healthy)
}
