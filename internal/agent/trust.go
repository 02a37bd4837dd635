package agent

import (
	"context"
	"errors"
	"io/fs"

	"github.com/supvisors/supvisors/rest/agent"
)

// Trusted implements agent.Agent.
func (a *Agent) Trusted(context.Context) ([]string, error) { return a.cfg.Trust.Names() }

// ReadTrusted implements agent.Agent.
func (a *Agent) ReadTrusted(_ context.Context, name string) ([]byte, error) {
	data, err := a.cfg.Trust.Read(name)
	return data, notTrusted(err)
}

// WriteTrusted implements agent.Agent.
func (a *Agent) WriteTrusted(ctx context.Context, name string, data []byte) error {
	return a.detached(ctx, func(ctx context.Context) error {
		err := a.cfg.Trust.Write(name, data)
		if errors.Is(err, fs.ErrInvalid) {
			return &agent.BadInput{Input: "filename", Text: "no trusted file can be called so"}
		}
		if err != nil {
			return err
		}
		a.record(ctx, CodeTrustedWritten, "Trusted file "+name+" was written.")
		return nil
	})
}

// RemoveTrusted implements agent.Agent.
func (a *Agent) RemoveTrusted(ctx context.Context, name string) error {
	return a.detached(ctx, func(ctx context.Context) error {
		if err := a.cfg.Trust.Remove(name); err != nil {
			return notTrusted(err)
		}
		a.record(ctx, CodeTrustedRemoved, "Trusted file "+name+" was removed.")
		return nil
	})
}

func notTrusted(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &agent.NotFound{Input: "filename", Text: "there is no such file"}
	}
	return err
}
