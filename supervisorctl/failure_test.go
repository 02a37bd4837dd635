package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/supvisors/supvisors/rpc"
)

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{rpc.NewFault(rpc.BadName, "it's"), `<class 'xmlrpc.client.Fault'>, <Fault 10: "BAD_NAME: it's">`},
		{fmt.Errorf("call x: %w", rpc.NewFault(rpc.ShutdownState)), "<class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>"},
		{pyError{"ValueError", "no"}, "<class 'ValueError'>, no"},
		{&rpc.StatusError{Code: 500, Status: "500 Internal Server Error"},
			"<class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: 500 Internal Server Error>"},
		{syscall.ECONNREFUSED, "<class 'ConnectionRefusedError'>, [Errno 111] Connection refused"},
		{&os.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT}, "<class 'FileNotFoundError'>, [Errno 2] No such file or directory"},
		{syscall.EACCES, "<class 'PermissionError'>, [Errno 13] Permission denied"},
		{syscall.ECONNRESET, "<class 'ConnectionResetError'>, [Errno 104] Connection reset by peer"},
		{syscall.EPIPE, "<class 'BrokenPipeError'>, [Errno 32] Broken pipe"},
		{syscall.ETIMEDOUT, "<class 'TimeoutError'>, [Errno 110] Connection timed out"},
		{syscall.EHOSTUNREACH, "<class 'OSError'>, [Errno 113] No route to host"},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, "<class 'socket.gaierror'>, [Errno -2] Name or service not known"},
		{os.ErrDeadlineExceeded, "<class 'TimeoutError'>, timed out"},
		{io.EOF, "<class 'EOFError'>, EOF when reading a line"},
		{fmt.Errorf("post: %w", io.EOF), "<class 'http.client.RemoteDisconnected'>, Remote end closed connection without response"},
		{fmt.Errorf("something else"), "<class 'Exception'>, something else"},
	} {
		if got := describe(c.err); got != c.want {
			t.Errorf("%v: got %s, want %s", c.err, got, c.want)
		}
	}
}

// brokenServer answers every connection with the same bytes and closes it.
func brokenServer(t *testing.T, answer string) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			http.ReadRequest(bufio.NewReader(conn))
			io.WriteString(conn, answer)
			conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

// A server that is not there or does not speak XML-RPC gives one line, never a stack trace.
func TestBrokenServers(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "plain.sock"), "no socket")
	closed := brokenServer(t, "")
	html := brokenServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n<html></html")
	notHTTP := brokenServer(t, "SSH-2.0-OpenSSH\r\n")
	cut := brokenServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<?xml")
	failing := brokenServer(t, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
	const disconnected = "error: <class 'http.client.RemoteDisconnected'>, Remote end closed connection without response\n"
	for _, c := range []struct {
		url, command string
		exit         int
		want         string // the whole output, or its beginning when it ends with "..."
	}{
		{"unix://" + dir + "/none", "status", 4, "URL no such file\n"},
		{"unix://" + dir + "/none", "pid", 7, "URL no such file\n"},
		{"unix://" + dir + "/none", "sversion", 7, "ERROR: URL no such file\n"},
		{"unix://" + dir + "/none", "avail", 1, "error: <class 'FileNotFoundError'>, [Errno 2] No such file or directory\n"},
		{"unix://" + dir + "/none", "shutdown", 1, "ERROR: URL no such file (already shut down?)\n"},
		{"unix://" + dir + "/plain.sock", "status", 4, "URL refused connection\n"},
		{"http://127.0.0.1:1", "status", 4, "URL refused connection\n"},
		{"http://127.0.0.1:1", "start x", 4, "URL refused connection\n"},
		{"http://127.0.0.1:1", "sstate", 4, "ERROR: URL refused connection\n"},
		{"http://127.0.0.1:1", "shutdown", 1, "ERROR: URL refused connection (already shut down?)\n"},
		{"http://127.0.0.1:1", "reload", 1, "error: <class 'ConnectionRefusedError'>, [Errno 111] Connection refused\n"},
		{"ftp://x", "status", 1, "error: <class 'ValueError'>, Unknown protocol for serverurl ftp://x\n"},
		{closed, "status", 1, disconnected},
		{closed, "sversion", 1, disconnected},
		{cut, "status", 1, disconnected},
		{html, "status", 1, "error: <class '..."},
		{notHTTP, "status", 1, "error: <class '..."},
		{failing, "status", 1,
			"error: <class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: 500 Internal Server Error>\n"},
	} {
		r := runWith(t, "", append([]string{"-s", c.url}, strings.Fields(c.command)...)...)
		want, open := strings.CutSuffix(strings.ReplaceAll(c.want, "URL", c.url), "...")
		if r.exit != c.exit || r.errOut != "" || r.out != want && !(open && strings.HasPrefix(r.out, want)) || strings.Count(r.out, "\n") != 1 {
			t.Errorf("%s %s: exit %d, %q, %q; want %d, %q", c.url, c.command, r.exit, r.out, r.errOut, c.exit, want)
		}
	}
}

// Servers of another version, without a namespace or without manners.
func TestUpchecks(t *testing.T) {
	unknown := map[string]any{"fault": []any{rpc.UnknownMethod, "UNKNOWN_METHOD"}}
	shutdown := map[string]any{"fault": []any{rpc.ShutdownState, "SHUTDOWN_STATE"}}
	for _, c := range []struct {
		method  string
		reply   any
		command string
		exit    int
		want    string
	}{
		{"supervisor.getVersion", "2.0", "pid", 5, "Sorry, this version of supervisorctl expects to talk to a server with API version 3.0, " +
			"but the remote version is 2.0.\n"},
		{"supervisor.getVersion", "2.0", "status", 4, "Sorry, this version of supervisorctl expects to talk to a server with API version " +
			"3.0, but the remote version is 2.0.\n"},
		{"supervisor.getVersion", unknown, "pid", 3, "Sorry, supervisord responded but did not recognize the supervisor namespace commands " +
			"that supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section is enabled in the " +
			"configuration file (see sample.conf).\n"},
		{"supervisor.getVersion", shutdown, "pid", 1, "error: <class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>\n"},
		{"supvisors.get_api_version", "0.18", "sversion", 5, "ERROR: this version of supvisorsctl expects to talk to a server with API " +
			"version 0.19, but the remote version is 0.18.\n"},
		{"supvisors.get_api_version", unknown, "sstatus", 3, "ERROR: supervisord responded but did not recognize the supvisors namespace " +
			"commands that supervisorstl uses to control it. Please check that the [rpcinterface:supvisors] section is enabled in the " +
			"configuration file.\n"},
		{"supvisors.get_api_version", shutdown, "sstatus", 1, "error: <class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>\n"},
	} {
		server := newFake(t, map[string]any{c.method: c.reply})
		r := runWith(t, "", "-s", server.url, c.command)
		if r.exit != c.exit || r.out != c.want {
			t.Errorf("%s %v: exit %d, %q; want %d, %q", c.command, c.reply, r.exit, r.out, c.exit, c.want)
		}
	}
}

// Answers of the wrong shape are told, whatever the command.
func TestUnexpectedResults(t *testing.T) {
	for _, c := range []struct {
		method, command string
		reply           any
	}{
		{"supervisor.getAllProcessInfo", "status", "text"},
		{"supervisor.getAllProcessInfo", "status", []any{1}},
		{"supervisor.getProcessInfo", "pid x", []any{}},
		{"supervisor.reloadConfig", "reread", []any{}},
		{"supervisor.reloadConfig", "update", []any{[]any{[]any{"a"}}}},
		{"supervisor.startAllProcesses", "start all", true},
		{"supvisors.get_strategies", "strategies", "text"},
		{"supvisors.get_all_instances_info", "instance_status", 7},
	} {
		server := newFake(t, map[string]any{"supervisor.getVersion": "3.0", "supvisors.get_api_version": "0.19", c.method: c.reply})
		r := runWith(t, "", append([]string{"-s", server.url}, strings.Fields(c.command)...)...)
		if r.exit != 1 || !strings.HasPrefix(r.out, "error: <class 'Exception'>, unexpected result of "+c.method) {
			t.Errorf("%s %v: exit %d, %q", c.command, c.reply, r.exit, r.out)
		}
	}
}

// A wrong password is told; in the shell it is asked for until it fits.
func TestAuthentication(t *testing.T) {
	server := newFake(t, map[string]any{"supervisor.getVersion": "3.0", "supervisor.getAllProcessInfo": []any{}, "supervisor.getPID": 7,
		"GET /mainlogtail": "log\n"})
	server.login = "u:p"
	const asks = "Server requires authentication\n"
	const refused = asks + "error: <class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: 401 Unauthorized>\n"
	for _, c := range []struct {
		args, input string
		exit        int
		out, errOut string
	}{
		{"pid", "", 1, refused, ""},
		{"status", "", 1, refused, ""},
		{"-u u -p wrong pid", "", 1, refused, ""},
		{"-u u -p p pid", "", 0, "7\n", ""},
		{"-u u -p p maintail -f", "", 0, followBanner + "\nlog\n", ""},
		{"-i pid", "u\np\n", 0, asks + "Username:\n7\n", "Password:\n"},
		{"", "u\np\npid\n", 0, asks + "Username:\nsupervisor> 7\nsupervisor> \n", "Password:\n"},
		{"", "u\nx\nu\np\n", 0, asks + "Username:\n" + asks + "Username:\nsupervisor> \n", "Password:\nPassword:\n"},
		{"", "", 0, asks + "Username:error: <class 'EOFError'>, EOF when reading a line\nsupervisor> \n", ""},
	} {
		r := runWith(t, c.input, append([]string{"-s", server.url}, strings.Fields(c.args)...)...)
		if r != (result{c.out, c.errOut, c.exit}) {
			t.Errorf("%q %q: got %+v, want %+v", c.args, c.input, r, result{c.out, c.errOut, c.exit})
		}
	}
}
