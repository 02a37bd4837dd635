package peer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// commands are the words that a script may begin a line with. Each returns what the transcript tells of it.
var commands = map[string]struct {
	args int // at least
	run  func(*side, []string) (string, error)
}{
	"start":     {0, (*side).start},     // the daemon, until it answers; more arguments for it
	"run":       {0, (*side).run},       // the daemon with just these arguments, to its end: exit code, output
	"exit":      {0, (*side).exit},      // waits for the end of the daemon: exit code
	"signal":    {1, (*side).signal},    // NAME, to the daemon
	"ctl":       {1, (*side).ctl},       // the shell with these arguments, told of the configuration unless they have -c
	"shell":     {1, (*side).shell},     // LINE…, typed into the shell
	"rpc":       {1, (*side).rpc},       // METHOD [JSON arguments]: reply
	"http":      {2, (*side).http},      // METHOD PATH [BODY]: status, and the body if all is well
	"wait":      {2, (*side).wait},      // NAMESPEC STATE…, passing through what it may
	"wait-new":  {1, (*side).waitNew},   // NAMESPEC, until it is RUNNING under another pid than at the last wait
	"kill":      {2, (*side).kill},      // NAMESPEC SIGNAL, behind the back of the daemon
	"write":     {2, (*side).write},     // FILE TEXT
	"copy":      {2, (*side).copy},      // FILE FILE
	"remove":    {1, (*side).remove},    // FILE
	"cat":       {1, (*side).cat},       // FILE, as it is
	"grep":      {2, (*side).grep},      // FILE PATTERN: the lines that match
	"wait-file": {2, (*side).waitFile},  // FILE PATTERN, until a line matches
	"list":      {1, (*side).list},      // GLOB: the files
	"mode":      {1, (*side).mode},      // FILE: its permissions
	"connect":   {1, (*side).connect},   // SOCKET: what is sent to whoever connects
	"send":      {2, (*side).sendBytes}, // NAMESPEC TEXT, to its standard input, through XML-RPC
}

func (s *side) start(args []string) (string, error) {
	if s.daemon != nil {
		return "", errors.New("it runs")
	}
	cmd := s.command(s.daemonPath, append([]string{"-n", "-c", filepath.Join(s.dir, "supervisord.conf")}, args...)...)
	s.output.Reset()
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	if err := cmd.Start(); err != nil {
		return "", err
	}
	exited := make(chan struct{})
	s.daemon, s.exited = cmd, exited
	go func() {
		cmd.Wait()
		close(exited)
	}()
	err := until("an answer", func() bool {
		select {
		case <-exited:
			return true
		default:
			resp, err := s.client.Get("http://peer/no/such/page") // whatever it says, with or without a password
			if err == nil {
				resp.Body.Close()
			}
			return err == nil
		}
	})
	select {
	case <-exited:
		s.daemon = nil
		return s.output.String(), errors.New("the daemon has ended")
	default:
		return "", err
	}
}

func (s *side) run(args []string) (string, error) {
	return finish(s.command(s.daemonPath, args...))
}

func (s *side) exit([]string) (string, error) {
	if s.daemon == nil {
		return "", errors.New("it does not run")
	}
	select {
	case <-s.exited:
	case <-time.After(patience):
		return "", errors.New("the daemon does not end")
	}
	state := s.daemon.ProcessState
	s.daemon = nil
	return ended(state), nil
}

func (s *side) signal(args []string) (string, error) {
	return "", s.daemon.Process.Signal(unix.SignalNum("SIG" + args[0]))
}

func (s *side) ctl(args []string) (string, error) {
	if !slices.Contains(args, "-c") {
		args = append([]string{"-c", filepath.Join(s.dir, "supervisord.conf")}, args...)
	}
	return finish(s.command(s.shellPath, args...))
}

func (s *side) shell(lines []string) (string, error) {
	cmd := s.command(s.shellPath, "-c", filepath.Join(s.dir, "supervisord.conf"))
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	return finish(cmd)
}

func (s *side) rpc(args []string) (string, error) {
	r, err := s.call(args[0], strings.Join(args[1:], " "))
	if err != nil {
		return "", err
	}
	if r.fault {
		return "fault " + r.value.text + "\n", nil
	}
	return r.value.text + "\n", nil
}

func (s *side) http(args []string) (string, error) {
	req, err := http.NewRequest(args[0], "http://peer"+args[1], strings.NewReader(strings.Join(args[2:], " ")))
	if err != nil {
		return "", err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return resp.Status + "\n", err
	}
	return fmt.Sprintf("%s\n%s\n%s", resp.Status, resp.Header.Get("Content-Type"), data), err
}

func (s *side) wait(args []string) (string, error) {
	last := ""
	err := until(args[0], func() bool {
		info := s.info(args[0])
		if info == nil {
			return false
		}
		last, s.pids[args[0]] = info["statename"].raw, info["pid"].raw
		return slices.Contains(args[1:], last) && s.executes(s.pids[args[0]])
	})
	if err != nil {
		err = fmt.Errorf("%w; it is %s", err, last)
	}
	return "", err
}

func (s *side) waitNew(args []string) (string, error) {
	old := s.pids[args[0]]
	return "", until(args[0], func() bool {
		info := s.info(args[0])
		if info["statename"].raw != "RUNNING" || info["pid"].raw == old {
			return false
		}
		s.pids[args[0]] = info["pid"].raw
		return s.executes(s.pids[args[0]])
	})
}

// executes tells that a process is no longer the copy of its daemon that Supervisor forks: Python's handlers are still in that one,
// and a signal is lost. A process that is gone need not be waited for.
func (s *side) executes(pid string) bool {
	child, err := os.ReadFile("/proc/" + pid + "/cmdline")
	if err != nil {
		return true
	}
	daemon, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", s.daemon.Process.Pid))
	return err != nil || !bytes.Equal(child, daemon)
}

func (s *side) kill(args []string) (string, error) {
	pid, err := strconv.Atoi(s.info(args[0])["pid"].raw)
	if err != nil || pid == 0 {
		return "", fmt.Errorf("%s has no pid", args[0])
	}
	return "", syscall.Kill(pid, unix.SignalNum("SIG"+args[1]))
}

// path returns where a file of a script is.
func (s *side) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.dir, name)
}

func (s *side) write(args []string) (string, error) {
	return "", os.WriteFile(s.path(args[0]), []byte(args[1]), 0o644)
}

func (s *side) copy(args []string) (string, error) {
	data, err := os.ReadFile(s.path(args[0]))
	if err != nil {
		return "", err
	}
	return "", os.WriteFile(s.path(args[1]), data, 0o644)
}

func (s *side) remove(args []string) (string, error) {
	return "", os.Remove(s.path(args[0]))
}

func (s *side) cat(args []string) (string, error) {
	data, err := os.ReadFile(s.path(args[0]))
	return string(data), err
}

func (s *side) grep(args []string) (string, error) {
	pattern, err := regexp.Compile(args[1])
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(s.path(args[0]))
	if err != nil {
		return "", err
	}
	var found strings.Builder
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		if pattern.Match(lines.Bytes()) {
			found.WriteString(lines.Text() + "\n")
		}
	}
	return found.String(), nil
}

func (s *side) waitFile(args []string) (string, error) {
	pattern, err := regexp.Compile("(?m)" + args[1])
	if err != nil {
		return "", err
	}
	var data []byte
	err = until(args[0], func() bool {
		data, _ = os.ReadFile(s.path(args[0]))
		return pattern.Match(data)
	})
	if err != nil {
		err = fmt.Errorf("%w; it holds\n%s", err, data)
	}
	return "", err
}

func (s *side) list(args []string) (string, error) {
	files, err := filepath.Glob(s.path(args[0]))
	slices.Sort(files)
	var text strings.Builder
	for _, file := range files {
		text.WriteString(strings.TrimPrefix(file, s.dir+"/") + "\n")
	}
	return text.String(), err
}

func (s *side) mode(args []string) (string, error) {
	info, err := os.Stat(s.path(args[0]))
	if err != nil {
		return "", err
	}
	return info.Mode().String() + "\n", nil
}

func (s *side) connect(args []string) (string, error) {
	conn, err := net.DialTimeout("unix", s.path(args[0]), patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	data, err := io.ReadAll(conn)
	return string(data), err
}

func (s *side) sendBytes(args []string) (string, error) {
	return s.rpc([]string{"supervisor.sendProcessStdin", fmt.Sprintf("[%q, %q]", args[0], args[1])})
}
