package device

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/supvisors/supvisors/rest/device"
)

// turnTimeout is how long an operation waits for another one on the same application, as the balena supervisor does.
const turnTimeout = 10 * time.Second

// turns lets one operation at a time work on an application.
type turns struct {
	mu   sync.Mutex
	busy map[string]chan struct{} // closed when the operation ends
}

// take waits for the turn on all of the applications; give ends it. The error is a *device.Locked when that takes too long, or that of ctx.
func (t *turns) take(ctx context.Context, apps []string) (give func(), err error) {
	apps = slices.Sorted(slices.Values(apps)) // in one order for all, so that no two wait for each other
	deadline := time.NewTimer(turnTimeout)
	defer deadline.Stop()
	var taken []string
	give = func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, app := range taken {
			close(t.busy[app])
			delete(t.busy, app)
		}
		taken = nil
	}
	for _, app := range slices.Compact(apps) {
		for {
			other := t.try(app)
			if other == nil {
				taken = append(taken, app)
				break
			}
			select {
			case <-other:
				continue
			case <-deadline.C:
				err = &device.Locked{Text: "another operation on " + app + " has not ended"}
			case <-ctx.Done():
				err = ctx.Err()
			}
			give()
			return nil, err
		}
	}
	return give, nil
}

// try takes the turn, or returns what is closed when it may be free.
func (t *turns) try(app string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if other := t.busy[app]; other != nil {
		return other
	}
	t.busy[app] = make(chan struct{})
	return nil
}
