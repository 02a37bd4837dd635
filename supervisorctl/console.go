package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/peterh/liner"
	"golang.org/x/sys/unix"
)

// console reads what the user types. On a terminal lines can be edited, completed and recalled; elsewhere they are read as they
// come, after the same prompts. One goroutine uses it.
type console struct {
	in        io.Reader
	out       io.Writer
	errOut    io.Writer
	lines     chan typed        // lines of a plain input, nil before the first
	editor    *liner.State      // nil on a plain input and before the first line
	edited    chan typed        // gets the line that the editor is reading, nil when it reads none
	cooked    liner.ModeApplier // the terminal as commands and children expect it
	raw       liner.ModeApplier // the terminal as the editor wants it
	terminal  bool
	completer liner.WordCompleter
}

// typed is one line of input, or its end.
type typed struct {
	line string
	err  error
}

// newConsole returns a console on the standard input and output.
func newConsole() *console {
	return &console{in: os.Stdin, out: os.Stdout, errOut: os.Stderr,
		terminal: isTerminal(os.Stdin) && isTerminal(os.Stdout) && liner.TerminalSupported()}
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// readLine returns the next line without its end. It returns io.EOF at the end of the input and context.Canceled on Ctrl-C.
func (c *console) readLine(ctx context.Context, prompt string) (string, error) {
	if c.terminal {
		return c.edit(ctx, prompt, func() (string, error) { return c.editor.Prompt(prompt) })
	}
	fmt.Fprint(c.out, prompt)
	return c.readPlain(ctx)
}

// readPassword is readLine without echo.
func (c *console) readPassword(ctx context.Context, prompt string) (string, error) {
	if c.terminal {
		return c.edit(ctx, prompt, func() (string, error) { return c.editor.PasswordPrompt(prompt) })
	}
	restore := c.hideTyping()
	defer restore()
	fmt.Fprint(c.errOut, prompt)
	defer fmt.Fprintln(c.errOut)
	return c.readPlain(ctx)
}

// hideTyping switches the echo off if the plain input is a terminal after all, and returns what switches it on again.
func (c *console) hideTyping() (restore func()) {
	f, ok := c.in.(*os.File)
	if !ok {
		return func() {}
	}
	mode, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return func() {}
	}
	silent := *mode
	silent.Lflag &^= unix.ECHO
	unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &silent)
	return func() { unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, mode) }
}

// edit runs one prompt of the line editor and leaves the terminal as it was. The editor takes Ctrl-C for a key, but one that was typed
// just before is a signal, which comes through ctx. Nothing can call the editor back then: what it reads is the answer to the next prompt.
func (c *console) edit(ctx context.Context, prompt string, ask func() (string, error)) (string, error) {
	if err := c.openEditor(); err != nil {
		return "", err
	}
	if err := c.raw.ApplyMode(); err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	defer c.cooked.ApplyMode()
	if c.edited == nil {
		edited := make(chan typed, 1)
		c.edited = edited
		go func() {
			line, err := ask()
			edited <- typed{line, err}
		}()
	} else {
		fmt.Fprint(c.out, prompt)
	}
	select {
	case t := <-c.edited:
		c.edited = nil
		if errors.Is(t.err, liner.ErrPromptAborted) {
			t.err = context.Canceled
		}
		return t.line, t.err
	case <-ctx.Done():
		return "", context.Canceled
	}
}

func (c *console) openEditor() (err error) {
	if c.editor != nil {
		return nil
	}
	if c.cooked, err = liner.TerminalMode(); err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	c.editor = liner.NewLiner()
	if c.raw, err = liner.TerminalMode(); err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	c.editor.SetCtrlCAborts(true)
	c.editor.SetTabCompletionStyle(liner.TabPrints)
	if c.completer != nil {
		c.editor.SetWordCompleter(c.completer)
	}
	return nil
}

// readPlain waits for a line of the plain input; the line that comes after ctx has ended is kept for the next call.
func (c *console) readPlain(ctx context.Context) (string, error) {
	if c.lines == nil {
		c.lines = make(chan typed)
		go pump(bufio.NewReader(c.in), c.lines)
	}
	select {
	case t := <-c.lines:
		return t.line, t.err
	case <-ctx.Done():
		return "", context.Canceled
	}
}

// pump hands out the lines of a plain input, then its end for ever.
func pump(in *bufio.Reader, lines chan<- typed) {
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			err = nil // a last line without an end is a line
		}
		lines <- typed{strings.TrimSuffix(line, "\n"), err}
	}
}

// loadHistory reads the lines of former sessions. A file that is not there or cannot be read leaves the history empty.
func (c *console) loadHistory(path string) {
	if !c.terminal || c.openEditor() != nil {
		return
	}
	defer c.cooked.ApplyMode()
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	c.editor.ReadHistory(f)
}

// saveHistory writes the lines of this session and of former ones; what cannot be written is lost.
func (c *console) saveHistory(path string) {
	if c.editor == nil {
		return
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	c.editor.WriteHistory(f)
}

// remember adds a line to the history.
func (c *console) remember(line string) {
	if c.editor != nil && strings.TrimSpace(line) != "" {
		c.editor.AppendHistory(line)
	}
}

// close gives the terminal back.
func (c *console) close() {
	if c.editor != nil {
		c.editor.Close()
	}
}
