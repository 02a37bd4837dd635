package main

import (
	"context"
	"fmt"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

// record is a struct that a server sent. Only the members that a command needs are looked at, so that servers may add others.
type record rpc.Map

// value returns a member, nil when there is none.
func (r record) value(key string) any {
	v, _ := rpc.Map(r).Get(key)
	return v
}

// text returns a member as Python prints it.
func (r record) text(key string) string { return pyStr(r.value(key)) }

// number returns an integer member, 0 when it is none.
func (r record) number(key string) int {
	n, _ := r.value(key).(int)
	return n
}

// seconds returns a moment in seconds since the epoch, 0 when it is none.
func (r record) seconds(key string) float64 {
	switch v := r.value(key).(type) {
	case int:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// truth returns a boolean member, false when it is none.
func (r record) truth(key string) bool {
	b, _ := r.value(key).(bool)
	return b
}

// namespec returns the short name of a process of Supervisor's interface.
func (r record) namespec() string { return shortName(r.text("group"), r.text("name")) }

// shortName returns how Supervisor names a process to the user.
func shortName(group, name string) string {
	return process.Namespec{Group: group, Process: name}.String()
}

// record calls a method that returns a struct.
func (c *control) record(ctx context.Context, method string, args ...any) (record, error) {
	var v any
	if err := c.call(ctx, method, &v, args...); err != nil {
		return nil, err
	}
	m, ok := v.(rpc.Map)
	if !ok {
		return nil, fmt.Errorf("unexpected result of %s: %s", method, pyRepr(v))
	}
	return record(m), nil
}

// records calls a method that returns an array of structs.
func (c *control) records(ctx context.Context, method string, args ...any) ([]record, error) {
	var v any
	if err := c.call(ctx, method, &v, args...); err != nil {
		return nil, err
	}
	values, ok := v.([]any)
	list := make([]record, 0, len(values))
	for _, value := range values {
		m, isMap := value.(rpc.Map)
		ok = ok && isMap
		list = append(list, record(m))
	}
	if !ok {
		return nil, fmt.Errorf("unexpected result of %s: %s", method, pyRepr(v))
	}
	return list, nil
}
