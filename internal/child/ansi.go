package child

import "bytes"

// stripANSI removes the control sequences "ESC [ parameters letter" from a stream (ECMA-48; Supervisor's strip_ansi). A
// sequence may come in any number of pieces.
type stripANSI struct {
	at  ansiState
	out []byte
}

type ansiState int

const (
	plainText ansiState = iota
	afterEscape
	inSequence
)

// strip returns data without control sequences. The result is valid until the next call, or the end of data's own life.
func (s *stripANSI) strip(data []byte) []byte {
	if s.at == plainText && bytes.IndexByte(data, 0x1b) < 0 {
		return data
	}
	s.out = s.out[:0]
	for _, c := range data {
		switch {
		case s.at == plainText && c == 0x1b:
			s.at = afterEscape
		case s.at == plainText:
			s.out = append(s.out, c)
		case s.at == afterEscape && c == '[':
			s.at = inSequence
		case s.at == afterEscape: // some other escape, which stays
			s.out = append(s.out, 0x1b)
			if c != 0x1b {
				s.out = append(s.out, c)
				s.at = plainText
			}
		case c < 0x20 || c > 0x3f: // the final byte
			s.at = plainText
		}
	}
	return s.out
}
