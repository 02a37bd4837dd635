package rpc

import (
	"fmt"
	"testing"
)

// processInfo is what getAllProcessInfo tells of a process.
type processInfo struct {
	Name          string `xmlrpc:"name"`
	Group         string `xmlrpc:"group"`
	Start         int    `xmlrpc:"start"`
	Stop          int    `xmlrpc:"stop"`
	Now           int    `xmlrpc:"now"`
	State         int    `xmlrpc:"state"`
	StateName     string `xmlrpc:"statename"`
	SpawnErr      string `xmlrpc:"spawnerr"`
	ExitStatus    int    `xmlrpc:"exitstatus"`
	LogFile       string `xmlrpc:"logfile"`
	StdoutLogFile string `xmlrpc:"stdout_logfile"`
	StderrLogFile string `xmlrpc:"stderr_logfile"`
	PID           int    `xmlrpc:"pid"`
	Description   string `xmlrpc:"description"`
}

func processInfos(n int) []processInfo {
	infos := make([]processInfo, n)
	for i := range infos {
		name := fmt.Sprintf("worker_%04d", i)
		infos[i] = processInfo{
			Name: name, Group: "workers", Start: 1700000000 + i, Now: 1700003600, State: 20, StateName: "RUNNING",
			LogFile:       "/var/log/supervisor/" + name + "-stdout.log",
			StdoutLogFile: "/var/log/supervisor/" + name + "-stdout.log",
			StderrLogFile: "/var/log/supervisor/" + name + "-stderr.log",
			PID:           4000 + i, Description: fmt.Sprintf("pid %d, uptime 1:00:00", 4000+i),
		}
	}
	return infos
}

// BenchmarkEncode writes one answer of getAllProcessInfo with 1,000 processes, from structs as the daemon has them, and from maps.
func BenchmarkEncode(b *testing.B) {
	infos := processInfos(1000)
	reply, err := EncodeReply(infos)
	if err != nil {
		b.Fatal(err)
	}
	generic, err := DecodeReply(reply)
	if err != nil {
		b.Fatal(err)
	}
	encode := func(name string, value any) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(reply)))
			b.ReportAllocs()
			var room []byte
			for b.Loop() {
				if room, err = AppendReply(room[:0], value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	encode("structs", infos)
	encode("maps", generic)
}

// BenchmarkDecode reads one answer: of getAllProcessInfo with 1,000 processes, as any and as structs, and of getProcessInfo.
func BenchmarkDecode(b *testing.B) {
	decode := func(name string, value, out any) {
		reply, err := EncodeReply(value)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(reply)))
			b.ReportAllocs()
			for b.Loop() {
				if err := decodeInto(out, reply); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	infos := processInfos(1000)
	decode("any", infos, new(any))
	decode("structs", infos, new([]processInfo))
	decode("struct", infos[0], new(processInfo))
}
