package rpc

import (
	"reflect"
	"testing"
)

// TestMapInStruct: a Map is a struct on the wire wherever it stands, also when it is empty.
func TestMapInStruct(t *testing.T) {
	type outer struct {
		Inner Map   `xmlrpc:"inner"`
		List  []Map `xmlrpc:"list"`
	}
	for _, inner := range []Map{{}, {{"a", 1}}} {
		reply, err := EncodeReply(outer{Inner: inner, List: []Map{inner}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeReply(reply)
		if err != nil {
			t.Fatal(err)
		}
		if want := (Map{{"inner", inner}, {"list", []any{inner}}}); !reflect.DeepEqual(got, want) {
			t.Errorf("got %#v, want %#v", got, want)
		}
	}
}
