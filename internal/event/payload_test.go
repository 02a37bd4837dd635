package event

import (
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

// TestPayloads compares type and body of every event with what Supervisor and Supvisors send.
func TestPayloads(t *testing.T) {
	change := func(from, to process.State, tries int) StateChanged {
		info := process.Info{Group: "g", Name: "p", State: to, Expected: true}
		return StateChanged{process.Change{From: from, Info: info, Tries: tries, PID: 12}}
	}
	unexpected := change(process.Running, process.Exited, 0)
	unexpected.Info.Expected = false
	src := Source{Group: "g", Process: "p", PID: 7}
	info := process.Info{Group: "g", Name: "p"}
	for _, c := range []struct {
		ev       Event
		typ, out string
	}{
		{change(process.Stopped, process.Starting, 0), "PROCESS_STATE_STARTING", "processname:p groupname:g from_state:STOPPED tries:0"},
		{change(process.Starting, process.Backoff, 2), "PROCESS_STATE_BACKOFF", "processname:p groupname:g from_state:STARTING tries:2"},
		{change(process.Starting, process.Running, 3), "PROCESS_STATE_RUNNING", "processname:p groupname:g from_state:STARTING pid:12"},
		{change(process.Running, process.Stopping, 0), "PROCESS_STATE_STOPPING", "processname:p groupname:g from_state:RUNNING pid:12"},
		{change(process.Stopping, process.Stopped, 0), "PROCESS_STATE_STOPPED", "processname:p groupname:g from_state:STOPPING pid:12"},
		{change(process.Running, process.Exited, 0), "PROCESS_STATE_EXITED", "processname:p groupname:g from_state:RUNNING expected:1 pid:12"},
		{unexpected, "PROCESS_STATE_EXITED", "processname:p groupname:g from_state:RUNNING expected:0 pid:12"},
		{change(process.Backoff, process.Fatal, 0), "PROCESS_STATE_FATAL", "processname:p groupname:g from_state:BACKOFF"},
		{change(process.Stopping, process.Unknown, 0), "PROCESS_STATE_UNKNOWN", "processname:p groupname:g from_state:STOPPING"},
		{ProcessLog{src, Stdout, []byte("some output\n")}, "PROCESS_LOG_STDOUT", "processname:p groupname:g pid:7 channel:stdout\nsome output\n"},
		{ProcessLog{src, Stderr, []byte("é")}, "PROCESS_LOG_STDERR", "processname:p groupname:g pid:7 channel:stderr\né"},
		{ProcessCommunication{src, Stdout, []byte("msg")}, "PROCESS_COMMUNICATION_STDOUT", "processname:p groupname:g pid:7\nmsg"},
		{ProcessCommunication{src, Stderr, []byte("a\xff")}, "PROCESS_COMMUNICATION_STDERR", "processname:p groupname:g pid:7\nUndecodable: b'a\\xff'"},
		{RemoteCommunication{"kind", "line 1\nline 2"}, "REMOTE_COMMUNICATION", "type:kind\nline 1\nline 2"},
		{SupervisorRunning{}, "SUPERVISOR_STATE_CHANGE_RUNNING", ""},
		{SupervisorStopping{}, "SUPERVISOR_STATE_CHANGE_STOPPING", ""},
		{Tick{Every5, time.Unix(1201063880, 0)}, "TICK_5", "when:1201063880"},
		{Tick{Every60, time.Unix(60, 0)}, "TICK_60", "when:60"},
		{Tick{Every3600, time.Unix(7200, 0)}, "TICK_3600", "when:7200"},
		{GroupAdded{"g"}, "PROCESS_GROUP_ADDED", "groupname:g\n"},
		{GroupRemoved{"g"}, "PROCESS_GROUP_REMOVED", "groupname:g\n"},
		{ProcessAdded{info}, "PROCESS_ADDED", "processname:p groupname:g "},
		{ProcessRemoved{info}, "PROCESS_REMOVED", "processname:p groupname:g "},
		{ProcessEnabled{info}, "PROCESS_ENABLED", "processname:p groupname:g "},
		{ProcessDisabled{info}, "PROCESS_DISABLED", "processname:p groupname:g "},
	} {
		if got := c.ev.Type().String(); got != c.typ {
			t.Errorf("%T has type %s, want %s", c.ev, got, c.typ)
		}
		if got := c.ev.Payload(); got != c.out {
			t.Errorf("payload of %s\n got %q\nwant %q", c.typ, got, c.out)
		}
	}
}

// TestText compares with Python's repr of bytes, which Supervisor uses for what is not UTF-8.
func TestText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain", "plain"},
		{"h\u00e9 \u20ac\n", "h\u00e9 \u20ac\n"},
		{"\xff", `Undecodable: b'\xff'`},
		{"a\n\r\t\\\x00\x7f\xfe", `Undecodable: b'a\n\r\t\\\x00\x7f\xfe'`},
		{"it's\xff", `Undecodable: b"it's\xff"`},
		{"it's \"x\"\xff", `Undecodable: b'it\'s "x"\xff'`},
		{"\"x\"\xff", `Undecodable: b'"x"\xff'`},
	} {
		if got := Text([]byte(c.in)); got != c.want {
			t.Errorf("Text(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestEnvelope(t *testing.T) {
	e := Envelope{Server: "supervisor", Pool: "listener", Serial: 21, PoolSerial: 10}
	for _, c := range []struct {
		ev   Event
		want string
	}{
		{
			ProcessCommunication{Source{"bar", "foo", 123}, Stdout, []byte("This is the data that was sent between the tags")},
			"ver:3.0 server:supervisor serial:21 pool:listener poolserial:10 eventname:PROCESS_COMMUNICATION_STDOUT len:85\n" +
				"processname:foo groupname:bar pid:123\nThis is the data that was sent between the tags",
		},
		{
			SupervisorRunning{},
			"ver:3.0 server:supervisor serial:21 pool:listener poolserial:10 eventname:SUPERVISOR_STATE_CHANGE_RUNNING len:0\n",
		},
		{ // the length counts bytes
			RemoteCommunication{"t", "\u20ac"},
			"ver:3.0 server:supervisor serial:21 pool:listener poolserial:10 eventname:REMOTE_COMMUNICATION len:8\ntype:t\n\u20ac",
		},
	} {
		if got := string(e.Encode(c.ev)); got != c.want {
			t.Errorf("Encode(%#v)\n got %q\nwant %q", c.ev, got, c.want)
		}
	}
}
