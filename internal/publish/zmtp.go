package publish

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The wire of ZeroMQ: ZMTP 3.0 (ZeroMQ RFC 23) with the NULL mechanism, and what 3.1 (RFC 37) adds for subscriptions and heartbeats.

// maxFrame is the most that a client may send at once: a READY with its properties, or a subscription.
const maxFrame = 8 << 10

const (
	greetingSize  = 64
	signatureSize = 10
	revision      = 3
	mechanismSize = 20
)

// The flags of a frame.
const (
	flagMore = 1 << iota
	flagLong
	flagCommand

	flagsKnown = 1<<iota - 1
)

var (
	errFrame   = errors.New("malformed frame")
	errTooLong = errors.New("frame is too long")
)

// encodeMessage returns a message of two frames.
func encodeMessage(header string, body []byte) []byte {
	b := make([]byte, 0, 2+len(header)+9+len(body))
	b = appendFrame(b, flagMore, []byte(header))
	return appendFrame(b, 0, body)
}

func appendFrame(b []byte, flags byte, body []byte) []byte {
	if len(body) <= 0xff {
		b = append(b, flags, byte(len(body)))
	} else {
		b = append(b, flags|flagLong)
		b = binary.BigEndian.AppendUint64(b, uint64(len(body)))
	}
	return append(b, body...)
}

// appendCommand appends a command frame: the name with its length, and the data.
func appendCommand(b []byte, name string, data []byte) []byte {
	body := make([]byte, 0, 1+len(name)+len(data))
	body = append(body, byte(len(name)))
	body = append(body, name...)
	return appendFrame(b, flagCommand, append(body, data...))
}

// frame is a frame from a client. A command has a name.
type frame struct {
	command string
	data    []byte
}

func readFrame(r io.Reader) (frame, error) {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return frame{}, err
	}
	flags, size := head[0], uint64(head[1])
	if flags&^flagsKnown != 0 || flags&flagCommand != 0 && flags&flagMore != 0 {
		return frame{}, errFrame
	}
	if flags&flagLong != 0 {
		if _, err := io.ReadFull(r, head[2:]); err != nil {
			return frame{}, unexpected(err)
		}
		size = binary.BigEndian.Uint64(head[1:])
	}
	if size > maxFrame {
		return frame{}, errTooLong
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return frame{}, unexpected(err)
	}
	if flags&flagCommand == 0 {
		return frame{data: body}, nil
	}
	name, data, ok := cutShort(body)
	if !ok || len(name) == 0 {
		return frame{}, errFrame
	}
	return frame{command: string(name), data: data}, nil
}

// unexpected is for an end of file that is in the middle of something.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// cutShort cuts what begins with its length in one byte off b.
func cutShort(b []byte) (short, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	n := 1 + int(b[0])
	return b[1:n], b[n:], true
}

// shake does the handshake of a PUB socket. Errors other than those of conn mean a client that we do not serve.
func shake(conn io.ReadWriter) error {
	if _, err := conn.Write(greeting()); err != nil {
		return err
	}
	if err := readGreeting(conn); err != nil {
		return err
	}
	if _, err := conn.Write(appendCommand(nil, "READY", property("Socket-Type", "PUB"))); err != nil {
		return err
	}
	f, err := readFrame(conn)
	if err != nil {
		return unexpected(err)
	}
	if err := checkReady(f); err != nil {
		reason := err.Error()
		conn.Write(appendCommand(nil, "ERROR", append([]byte{byte(len(reason))}, reason...)))
		return err
	}
	return nil
}

// greeting returns ours: signature, version 3.0, mechanism, no server, filler. Minor version 0 keeps libzmq to the older form of
// subscriptions, which all versions know.
func greeting() []byte {
	b := make([]byte, greetingSize)
	b[0], b[8], b[9], b[signatureSize] = 0xff, 1, 0x7f, revision
	copy(b[signatureSize+2:], "NULL")
	return b
}

// readGreeting reads no more than it takes to see what the client speaks: older ones send less and wait.
func readGreeting(r io.Reader) error {
	b := make([]byte, greetingSize)
	if _, err := io.ReadFull(r, b[:1]); err != nil {
		return err
	}
	if b[0] != 0xff {
		return errors.New("not ZMTP, or ZMTP 1.0")
	}
	if _, err := io.ReadFull(r, b[1:signatureSize]); err != nil {
		return unexpected(err)
	}
	if b[signatureSize-1]&1 == 0 {
		return errors.New("ZMTP 1.0 is not supported")
	}
	if _, err := io.ReadFull(r, b[signatureSize:signatureSize+1]); err != nil {
		return unexpected(err)
	}
	if b[signatureSize] < revision {
		return errors.New("ZMTP before 3.0 is not supported")
	}
	if _, err := io.ReadFull(r, b[signatureSize+1:]); err != nil {
		return unexpected(err)
	}
	mechanism := string(bytes.TrimRight(b[signatureSize+2:signatureSize+2+mechanismSize], "\x00"))
	if mechanism != "NULL" {
		return fmt.Errorf("security mechanism %q is not supported", mechanism)
	}
	return nil
}

// checkReady tells what is wrong with the first command of a client. Its texts fit into an ERROR, which holds 255 bytes.
func checkReady(f frame) error {
	switch f.command {
	case "READY":
	case "ERROR":
		return errors.New("refused by the client")
	default:
		return errors.New("READY is expected")
	}
	socketType, ok := findProperty(f.data, "Socket-Type")
	switch {
	case !ok:
		return errors.New("malformed properties")
	case socketType != "SUB" && socketType != "XSUB":
		return errors.New("socket type must be SUB or XSUB")
	}
	return nil
}

func property(name, value string) []byte {
	b := append([]byte{byte(len(name))}, name...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(value)))
	return append(b, value...)
}

// findProperty returns a property of a READY, empty if it is not there. Names have no case. It is false when b is not properties.
func findProperty(b []byte, wanted string) (value string, ok bool) {
	for len(b) > 0 {
		name, rest, ok := cutShort(b)
		if !ok || len(rest) < 4 {
			return "", false
		}
		size := binary.BigEndian.Uint32(rest)
		rest = rest[4:]
		if uint64(size) > uint64(len(rest)) {
			return "", false
		}
		if strings.EqualFold(string(name), wanted) {
			value = string(rest[:size])
		}
		b = rest[size:]
	}
	return value, true
}
