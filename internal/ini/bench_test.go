package ini

import (
	"fmt"
	"strings"
	"testing"
)

// benchText is a configuration of 1,000 programs, with the comments and options that people write.
func benchText() string {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `[program:worker_%04d]
command=/usr/bin/worker --port %d --name "worker %d" ; each has its own port
directory=/srv/worker
environment=HOME="/srv/worker",LANG="C.UTF-8"
autostart=true
startsecs=2
stopwaitsecs=15
; kept for a week
stdout_logfile=/var/log/worker/%%(program_name)s.log
redirect_stderr=true

`, i, 20000+i, i)
	}
	return b.String()
}

// BenchmarkParse reads a configuration of 1,000 programs.
func BenchmarkParse(b *testing.B) {
	text := benchText()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse("supervisord.conf", text); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPack makes the small form of a configuration of 1,000 programs, and the Document of it again.
func BenchmarkPack(b *testing.B) {
	d, err := Parse("supervisord.conf", benchText())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		d.Pack().Unpack()
	}
}

// BenchmarkExpand puts the variables into one command.
func BenchmarkExpand(b *testing.B) {
	vars := Vars{"program_name": "worker", "group_name": "workers", "process_num": 7, "numprocs": 10, "here": "/etc", "ENV_HOME": "/root"}
	for b.Loop() {
		if _, err := Expand(`%(ENV_HOME)s/bin/%(program_name)s --port 80%(process_num)02d -c "%(here)s/a.conf"`, "command", vars); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSplit cuts one command into its words.
func BenchmarkSplit(b *testing.B) {
	for b.Loop() {
		if _, err := Split(`/root/bin/worker --port 8007 -c "/etc/a.conf" --title 'one of many' --verbose`); err != nil {
			b.Fatal(err)
		}
	}
}
