// Package bench holds benchmarks of the whole: real daemons, driven from outside as clients drive them.
//
//	make build && go test -bench . ./bench
package bench
