package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/porttest"
)

// patience is how long a step may last.
const patience = 15 * time.Second

// side is one of the two programs that play a scenario, in a directory of its own.
type side struct {
	dir        string
	daemonPath string
	shellPath  string
	port       string // a TCP port of its own, for "{port}"
	testdata   string
	daemon     *exec.Cmd
	output     bytes.Buffer // of the daemon; to be read once exited is closed
	exited     chan struct{}
	pids       map[string]string // by namespec, as the last wait saw it
	client     *http.Client
	transcript []string
}

func newSide(t *testing.T, dir, daemonPath, shellPath string) *side {
	s := &side{dir: dir, port: porttest.Free(t, 1)[0], daemonPath: daemonPath, shellPath: shellPath, pids: map[string]string{}}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, "s.sock"))
	}
	s.client = &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: patience}
	return s
}

// play runs the steps of sc and returns the transcript. A step that cannot be done ends it.
func play(sc *scenario, s *side) []string {
	defer s.end()
	if err := s.prepare(sc); err != nil {
		return append(s.transcript, broken+": "+err.Error())
	}
	for _, st := range sc.steps {
		s.transcript = append(s.transcript, "> "+st.line)
		words, sorted := st.words, st.words[0] == "sorted"
		if sorted {
			words = words[1:]
		}
		command, known := commands[words[0]]
		if !known {
			return append(s.transcript, broken+": no such command")
		}
		args := make([]string, len(words)-1)
		for i := range args {
			args[i] = s.expand(words[i+1])
		}
		if len(args) < command.args {
			return append(s.transcript, broken+": too few words")
		}
		text, err := command.run(s, args)
		lines := s.normal(text)
		if sorted {
			slices.Sort(lines)
		}
		s.transcript = append(s.transcript, lines...)
		if err != nil {
			return append(append(s.transcript, broken), s.normal(err.Error())...)
		}
	}
	return s.transcript
}

// prepare writes the files of sc.
func (s *side) prepare(sc *scenario) error {
	var err error
	if s.testdata, err = filepath.Abs("testdata"); err != nil {
		return err
	}
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		return err
	}
	for name, text := range sc.files {
		path := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(s.expand(text)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// expand replaces what the two sides have each for itself.
func (s *side) expand(text string) string {
	text = strings.ReplaceAll(text, "{base}\n", base)
	return strings.NewReplacer("{dir}", s.dir, "{port}", s.port, "{testdata}", s.testdata).Replace(text)
}

// end leaves no process behind.
func (s *side) end() {
	if s.daemon == nil {
		return
	}
	s.daemon.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.daemon.Process.Kill()
		<-s.exited
	}
}

// command returns one that runs in the directory of the side, in an environment that is the same everywhere.
func (s *side) command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + s.dir, "LANG=C.UTF-8", "TZ=UTC", "PEER=yes"}
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// finish runs cmd to its end and tells its output and exit code.
func finish(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return "", err
	}
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	text := stdout.String()
	if stderr.Len() > 0 {
		text = closed(text) + "stderr: " + stderr.String()
	}
	if !timer.Stop() {
		return text, errors.New("it does not end")
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return text, err
	}
	return closed(text) + ended(cmd.ProcessState), nil
}

// closed returns text with a newline at its end, if it has any.
func closed(text string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		return text + "\\\n"
	}
	return text
}

// ended tells how a process ended.
func ended(state *os.ProcessState) string {
	if state.ExitCode() < 0 {
		return state.String() + "\n"
	}
	return fmt.Sprintf("exit %d\n", state.ExitCode())
}

// until asks ready until it says yes.
func until(what string, ready func() bool) error {
	deadline := time.After(patience)
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for !ready() {
		select {
		case <-deadline:
			return fmt.Errorf("%s: not within %v", what, patience)
		case <-pause.C:
		}
	}
	return nil
}

// post sends one request to the unix socket.
func (s *side) post(path, kind string, body []byte) (*http.Response, []byte, error) {
	resp, err := s.client.Post("http://peer"+path, kind, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp, data, err
}

// call calls a method with a JSON array of arguments.
func (s *side) call(method, args string) (reply, error) {
	body, err := encodeCall(method, args)
	if err != nil {
		return reply{}, err
	}
	resp, data, err := s.post("/RPC2", "text/xml", body)
	if err != nil {
		return reply{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return reply{fault: true, value: value{text: "status " + resp.Status}}, nil
	}
	return decodeReply(data)
}

// info returns the members of a program's information, none if there is no such program.
func (s *side) info(namespec string) map[string]value {
	r, err := s.call("supervisor.getProcessInfo", "["+strconv.Quote(namespec)+"]")
	if err != nil || r.fault {
		return nil
	}
	return r.value.members
}
