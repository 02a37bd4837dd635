package gossip

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/memberlist"
)

// maxMetaText bounds Version and Epoch in bytes, so that a Meta always fits in memberlist's 512 bytes (more is a panic there).
const maxMetaText = 64

// Meta is what a node advertises about itself in the membership.
type Meta struct {
	Version  string `json:"v"`           // of the program
	HTTPPort int    `json:"p"`           // the one port
	Epoch    string `json:"e"`           // identifies this run of the node
	Seq      uint64 `json:"s,omitempty"` // number of the last entry of its log when this was sent
}

func (m Meta) check() error {
	if len(m.Version) > maxMetaText || len(m.Epoch) > maxMetaText {
		return fmt.Errorf("version %q or epoch %q is longer than %d bytes", m.Version, m.Epoch, maxMetaText)
	}
	if m.Epoch == "" {
		return errors.New("the epoch is empty")
	}
	return nil
}

func (m Meta) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if len(b) > memberlist.MetaMaxSize { // control characters are written as six bytes each
		return nil, fmt.Errorf("node meta data of %d bytes is longer than %d", len(b), memberlist.MetaMaxSize)
	}
	return b, nil
}

// decodeMeta reads what a peer advertises. A peer of another version may send more or less; what cannot be read is left zero.
func decodeMeta(b []byte) Meta {
	var m Meta
	if json.Unmarshal(b, &m) != nil || len(m.Version) > maxMetaText || len(m.Epoch) > maxMetaText {
		return Meta{}
	}
	return m
}
