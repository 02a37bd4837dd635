package rpc

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestIsFlatStruct(t *testing.T) {
	var none *Fault
	for _, c := range []struct {
		target any
		want   bool
	}{
		{new(processInfo), true},
		{new(Fault), true},
		{none, false},
		{nil, false},
		{Fault{}, false},
		{new(int), false},
		{new(any), false},
		{new([]Fault), false},
		{new(everything), false},
		{new(struct{ base }), false},
		{new(struct{ At time.Time }), false},
		{new(struct{ V any }), false},
		{new(struct{ N uint }), false},
	} {
		if got := isFlatStruct(c.target); got != c.want {
			t.Errorf("%T: %v", c.target, got)
		}
	}
}

// flat has a field of each sort that kolo decodes here.
type flat struct {
	S string  `xmlrpc:"s"`
	I int     `xmlrpc:"i"`
	L int64   `xmlrpc:"l"`
	B bool    `xmlrpc:"b"`
	F float64 `xmlrpc:"f"`
	O string  `xmlrpc:"o,omitempty"`
	X string  `xmlrpc:"-"`
}

// kolo's decoder and the own one agree on all that this package and Supervisor write into flat structs.
func TestBothDecodersAgree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		text := func() string { return randomTexts[rnd.IntN(len(randomTexts))] }
		want := flat{S: text(), I: int(int32(rnd.Uint32())), L: rnd.Int64(), B: rnd.IntN(2) == 0, F: rnd.NormFloat64(), O: text()}
		doc, err := EncodeReply(want)
		if err != nil {
			t.Fatal(err)
		}
		var kolo, own flat
		if err := decodeFlat(&kolo, doc); err != nil {
			t.Fatalf("kolo: %v in %s", err, doc)
		}
		value, err := DecodeReply(doc)
		if err == nil {
			err = Assign(&own, value)
		}
		if err != nil || kolo != want || own != want {
			t.Fatalf("kolo %+v, own %+v (%v), want %+v", kolo, own, err, want)
		}
	}
}

// What kolo refuses is decoded all the same.
func TestKoloIsNotTheLastWord(t *testing.T) {
	good, err := EncodeReply(flat{S: "@", I: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, now string }{
		"control character": {"<string>@", "<string>\x1b[0m"},
		"blanks":            {"<int>1</int>", "<int> 1 </int>"},
		"int type":          {"<int>1</int>", "<i2>1</i2>"},
		"int for a float":   {"<double>0.0</double>", "<int>0</int>"},
	} {
		doc := []byte(strings.Replace(string(good), c.old, c.now, 1))
		if err := decodeFlat(new(flat), doc); err == nil {
			t.Errorf("%s: kolo takes it now", name)
		}
		var got flat
		if err := decodeInto(&got, doc); err != nil || got.I != 1 {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestDecodeIntoFaults(t *testing.T) {
	doc := EncodeFault(NewFault(BadName, "a&b"))
	for _, out := range []any{new(flat), new(any), new(string), new([]flat), nil} {
		var fault *Fault
		if err := decodeInto(out, doc); !errors.As(err, &fault) || !reflect.DeepEqual(*fault, Fault{10, "BAD_NAME: a&b"}) {
			t.Errorf("%T: got %v", out, err)
		}
	}
	for _, out := range []any{new(flat), new(any), nil} {
		var syntax *SyntaxError
		if err := decodeInto(out, []byte("<html>")); !errors.As(err, &syntax) {
			t.Errorf("%T: got %v, want a syntax error", out, err)
		}
	}
}
