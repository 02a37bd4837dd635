package main

import (
	"context"
	"slices"
	"strings"
	"time"
)

// completionTimeout is how long a completion may wait for the server.
const completionTimeout = 2 * time.Second

// complete proposes words for the one that ends at pos; head and tail are the line around it.
func (c *control) complete(line string, pos int) (head string, words []string, tail string) {
	runes := []rune(line)
	before, tail := string(runes[:pos]), string(runes[pos:])
	head = before[:strings.LastIndexAny(before, " \t")+1]
	return head, c.proposals(strings.Fields(head), before[len(head):]), tail
}

// proposals returns the words that may follow the words before and start with prefix.
func (c *control) proposals(before []string, prefix string) []string {
	ctx, cancel := context.WithTimeout(context.Background(), completionTimeout)
	defer cancel()
	var all []string
	if len(before) == 0 {
		all = c.actions(ctx)
	} else {
		switch c.commands[before[0]].arguments {
		case argAction:
			all = c.actions(ctx)
		case argGroup:
			all = groupNames(c.knownProcesses(ctx))
		case argProcess:
			all = processNames(c.knownProcesses(ctx), strings.Contains(prefix, ":"))
		}
	}
	var words []string
	for _, word := range all {
		if strings.HasPrefix(word, prefix) {
			words = append(words, word+" ")
		}
	}
	return words
}

// actions returns the commands that the server understands.
func (c *control) actions(ctx context.Context) []string {
	names := append([]string{"help"}, c.names(supervisorFamily)...)
	if c.hasSupvisors(ctx) {
		names = append(names, c.names(supvisorsFamily)...)
	}
	return names
}

// knownProcesses returns the processes of the server, asked once between two commands. A server that does not answer has none.
func (c *control) knownProcesses(ctx context.Context) []record {
	if c.known == nil {
		c.known, _ = c.allProcesses(ctx)
	}
	return c.known
}

func groupNames(infos []record) []string {
	var names []string
	for _, info := range infos {
		names = append(names, info.text("group"))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// processNames returns the names of processes, and "group:*" where a process has not the name of its group. With long set, every
// process is named with its group.
func processNames(infos []record, long bool) []string {
	var names []string
	for _, info := range infos {
		group, name := info.text("group"), info.text("name")
		if !long && group == name {
			names = append(names, name)
			continue
		}
		names = append(names, group+":"+name)
		if !slices.Contains(names, group+":*") {
			names = append(names, group+":*")
		}
	}
	return names
}
