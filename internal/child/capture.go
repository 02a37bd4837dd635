package child

import "bytes"

// The tokens around what a child says to event listeners (Supervisor's PROCESS_COMMUNICATION).
var (
	captureBegin = []byte("<!--XSUPERVISOR:BEGIN-->")
	captureEnd   = []byte("<!--XSUPERVISOR:END-->")
)

// capture parts a stream into plain text and what stands between the tokens. Tokens may come in any number of pieces. Of
// captured text the last max bytes are kept, as Supervisor does; captured text without an end is dropped at the end of the
// stream.
type capture struct {
	max      int
	plain    func([]byte) // gets plain text, valid during the call
	captured func([]byte) // gets one captured text, valid during the call

	in   bool   // between the tokens
	held []byte // the end of the last piece, which may be the beginning of a token
	text []byte // captured so far
}

func (c *capture) take(data []byte) {
	if len(c.held) > 0 {
		data = append(c.held, data...)
		c.held = nil
	}
	for {
		token := captureBegin
		if c.in {
			token = captureEnd
		}
		before, after, found := bytes.Cut(data, token)
		if !found {
			keep := prefixAtEnd(data, token)
			c.emit(data[:len(data)-keep])
			c.held = bytes.Clone(data[len(data)-keep:])
			return
		}
		c.emit(before)
		if c.in {
			c.captured(c.text)
			c.text = nil
		}
		c.in = !c.in
		data = after
	}
}

func (c *capture) emit(data []byte) {
	switch {
	case len(data) == 0:
	case !c.in:
		c.plain(data)
	default:
		c.text = append(c.text, data...)
		if over := len(c.text) - c.max; over > 0 {
			c.text = append(c.text[:0], c.text[over:]...)
		}
	}
}

// end is the end of the stream.
func (c *capture) end() {
	if !c.in && len(c.held) > 0 {
		c.plain(c.held)
	}
	c.in, c.held, c.text = false, nil, nil
}

// prefixAtEnd returns the length of the longest end of data that begins token.
func prefixAtEnd(data, token []byte) int {
	for n := min(len(token)-1, len(data)); n > 0; n-- {
		if bytes.HasSuffix(data, token[:n]) {
			return n
		}
	}
	return 0
}
