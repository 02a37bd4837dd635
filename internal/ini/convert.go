package ini

import (
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// intText is what Python's int takes, without the digits of other scripts.
var intText = regexp.MustCompile(`^[+-]?[0-9]+(_[0-9]+)*$`)

// Int reads a whole number as Python's int does.
func Int(s string) (int, error) {
	text := strip(s)
	if !intText.MatchString(text) {
		return 0, fmt.Errorf("invalid literal for int() with base 10: %s", Repr(s))
	}
	n, err := strconv.Atoi(strings.ReplaceAll(text, "_", ""))
	if err != nil {
		return 0, fmt.Errorf("number out of range: %s", Repr(s))
	}
	return n, nil
}

// Bool reads yes, true, on, 1 and no, false, off, 0 in any case.
func Bool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "yes", "true", "on", "1":
		return true, nil
	case "no", "false", "off", "0":
		return false, nil
	default:
		return false, fmt.Errorf("not a valid boolean value: %s", Repr(s))
	}
}

// List splits at commas and strips each item. Items may be empty; an empty text is an empty list.
func List(s string) []string {
	if s == "" {
		return nil
	}
	items := strings.Split(s, ",")
	for i := range items {
		items[i] = strip(items[i])
	}
	return items
}

// sizeUnits are the suffixes of byte sizes.
var sizeUnits = map[string]int64{"kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}

// ByteSize reads a number of bytes, which may end in KB, MB or GB of 1024 steps.
func ByteSize(s string) (int64, error) {
	text, unit := strings.ToLower(s), int64(1)
	if n := len(text) - 2; n >= 0 {
		if u, ok := sizeUnits[text[n:]]; ok {
			text, unit = text[:n], u
		}
	}
	n, err := Int(text)
	if err != nil {
		return 0, err
	}
	size := int64(n) * unit
	if size/unit != int64(n) {
		return 0, fmt.Errorf("number out of range: %s", Repr(s))
	}
	return size, nil
}

// ExitCodes reads a list of exit codes, each of 0 to 255.
func ExitCodes(s string) ([]int, error) {
	codes := []int{}
	if s == "" {
		return codes, nil
	}
	for item := range strings.SplitSeq(s, ",") {
		n, err := Int(item)
		if err != nil || n < 0 || n > 255 {
			return nil, fmt.Errorf("not a valid list of exit codes: %s", Repr(s))
		}
		codes = append(codes, n)
	}
	return codes, nil
}

// Octal reads a file mode or umask: octal digits, also with the prefix 0o.
func Octal(s string) (int, error) {
	text := strings.ToLower(strip(s))
	text = strings.TrimPrefix(text, "0o")
	n, err := strconv.ParseUint(text, 8, 16)
	if err != nil || n > 0o7777 {
		return 0, fmt.Errorf("%s can not be converted to an octal type", s)
	}
	return int(n), nil
}

// signalAliases are the names that Python knows beside the one that the system prints.
var signalAliases = map[string]syscall.Signal{
	"SIGCLD": unix.SIGCHLD, "SIGIOT": unix.SIGABRT, "SIGPOLL": unix.SIGIO, "SIGRTMIN": sigRTMin, "SIGRTMAX": sigRTMax,
}

// The real-time signals that Python has names for, and so takes as numbers.
const (
	sigRTMin = syscall.Signal(34)
	sigRTMax = syscall.Signal(64)
)

// Signal reads a signal's name, with or without SIG and in any case, or its number.
func Signal(s string) (syscall.Signal, error) {
	if n, err := Int(s); err == nil {
		sig := syscall.Signal(n)
		if n == 0 || unix.SignalName(sig) != "" || sig == sigRTMin || sig == sigRTMax {
			return sig, nil
		}
		return 0, fmt.Errorf("value %s is not a valid signal number", Repr(s))
	}
	name := strings.ToUpper(strip(s))
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := unix.SignalNum(name); sig != 0 {
		return sig, nil
	}
	if sig, ok := signalAliases[name]; ok {
		return sig, nil
	}
	return 0, fmt.Errorf("value %s is not a valid signal name", Repr(s))
}

// levels are Supervisor's logging levels on the scale of slog: critical above error, trace and blather below debug.
var levels = map[string]slog.Level{
	"critical": slog.LevelError + 4,
	"error":    slog.LevelError,
	"warn":     slog.LevelWarn,
	"info":     slog.LevelInfo,
	"debug":    slog.LevelDebug,
	"trace":    slog.LevelDebug - 4,
	"blather":  slog.LevelDebug - 8,
}

// Level reads a logging level of Supervisor, in any case.
func Level(s string) (slog.Level, error) {
	level, ok := levels[strings.ToLower(s)]
	if !ok {
		return 0, fmt.Errorf("bad logging level name %s", Repr(s))
	}
	return level, nil
}
