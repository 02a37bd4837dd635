package child

import (
	"strings"
	"unicode/utf8"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/internal/process"
)

// output is what becomes of one stream of a child: raw bytes → capture → strip_ansi → log.
type output struct {
	actor   *Actor
	session *session
	stream  Stream
	capture *capture   // nil when capture mode is off
	ansi    *stripANSI // nil when nothing is stripped
	log     *log
}

func newOutput(a *Actor, s *session, stream Stream, spec *process.LogSpec) *output {
	o := &output{actor: a, session: s, stream: stream, log: a.logs[stream]}
	if o.log.slow != nil {
		o.log.slow.room = func() { s.Ready(stream) }
	}
	if spec.CaptureBytes > 0 && !(a.machine.Spec().Listener && stream == Stdout) {
		o.capture = &capture{max: int(spec.CaptureBytes), plain: o.write, captured: o.captured}
	}
	if a.cfg.StripANSI {
		o.ansi = &stripANSI{}
	}
	return o
}

// take handles a piece of output. It is valid during the call only.
func (o *output) take(data []byte) {
	if o.actor.cfg.Hooks.Raw != nil {
		o.actor.cfg.Hooks.Raw(o.stream, data)
	}
	if o.capture != nil {
		o.capture.take(data)
		return
	}
	o.write(data)
}

// end flushes what was held back because it might have been the beginning of a token.
func (o *output) end() {
	if o.capture != nil {
		o.capture.end()
	}
}

func (o *output) write(data []byte) {
	if o.ansi != nil {
		data = o.ansi.strip(data)
	}
	if len(data) == 0 {
		return
	}
	o.log.write(data)
	a := o.actor
	if a.debugging() {
		a.cfg.Logger.Debug(ini.Repr(a.machine.Spec().Name) + " " + o.stream.String() + " output:\n" + readable(data))
	}
	if a.cfg.Hooks.Log != nil {
		a.cfg.Hooks.Log(o.stream, o.session.pid, data)
	}
}

func (o *output) captured(data []byte) {
	a := o.actor
	if a.debugging() {
		a.cfg.Logger.Debug(ini.Repr(a.machine.Spec().Name) + " " + o.stream.String() + " emitted a comm event")
	}
	if a.cfg.Hooks.Capture != nil {
		a.cfg.Hooks.Capture(o.stream, o.session.pid, data)
	}
}

// readable returns data as text for the activity log.
func readable(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	return "Undecodable: " + ini.Repr(strings.ToValidUTF8(string(data), "\uFFFD"))
}
