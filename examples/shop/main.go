// Command shop is the little application of the quickstart example: a database that keeps orders, a loader that fills it once,
// workers that process the orders, and a web page that shows how far they are. Each is a program of its own for Supvisors.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	commands := map[string]func(context.Context, []string) error{"db": runDB, "load": runLoad, "work": runWork, "web": runWeb}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: shop db|load|work|web [flags]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := commands[os.Args[1]](ctx, os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "shop %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func flags(name string, args []string, define func(*flag.FlagSet)) {
	set := flag.NewFlagSet("shop "+name, flag.ExitOnError)
	define(set)
	set.Parse(args) // exits on error
}
