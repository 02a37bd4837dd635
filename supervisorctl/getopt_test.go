package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/config"
)

// The cases and texts are those of Python's getopt with the options of supervisorctl.
func TestGetopt(t *testing.T) {
	for _, c := range []struct {
		args string
		want string // name=value of each option, "|", the rest; or "error: text"
	}{
		{"", "|"},
		{"status", "|status"},
		{"status -c x", "|status -c x"},
		{"-c x status", "-c=x|status"},
		{"-cx status", "-c=x|status"},
		{"-icx status", "-i= -c=x|status"},
		{"-ic x status", "-i= -c=x|status"},
		{"-i -- -c x", "-i=|-c x"},
		{"- -c x", "|- -c x"},
		{"--configuration x pid", "--configuration=x|pid"},
		{"--configuration=x=y pid", "--configuration=x=y|pid"},
		{"--conf=x pid", "--configuration=x|pid"},
		{"--configuration= pid", "--configuration=|pid"},
		{"--h", "error: option --h not a unique prefix"},
		{"--help", "--help=|"},
		{"-?", "-?=|"},
		{"-h?", "-h= -?=|"},
		{"-Z", "error: option -Z not recognized"},
		{"-iZ", "error: option -Z not recognized"},
		{"-é", "error: option -é not recognized"},
		{"-c", "error: option -c requires argument"},
		{"-ic", "error: option -c requires argument"},
		{"--serverurl", "error: option --serverurl requires argument"},
		{"--server", "error: option --serverurl requires argument"},
		{"--help=x", "error: option --help must not have an argument"},
		{"--inter=", "error: option --interactive must not have an argument"},
		{"--bogus", "error: option --bogus not recognized"},
		{"--bogus=1", "error: option --bogus not recognized"},
		{"--?", "error: option --? not recognized"},
	} {
		opts, rest, err := config.Getopt(strings.Fields(c.args), ctlFlags)
		var words []string
		for _, o := range opts {
			words = append(words, o.Name+"="+o.Arg)
		}
		got := strings.Join(words, " ") + "|" + strings.Join(rest, " ")
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.args, got, c.want)
		}
	}
}

func TestGetoptLeavesItsArgumentsAlone(t *testing.T) {
	args := []string{"-i", "-c", "x", "status", "-f"}
	kept := append([]string(nil), args...)
	if _, _, err := config.Getopt(args, ctlFlags); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(args, kept) {
		t.Errorf("arguments became %q", args)
	}
}
