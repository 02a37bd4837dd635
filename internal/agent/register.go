package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/rest/agent"
)

// joinTimeout is how long the peers have to accept the node, or to let it go.
const joinTimeout = time.Minute

// Register implements agent.Agent. A node that is to join a cluster with another token stays what it is.
func (a *Agent) Register(ctx context.Context, r agent.Registration) error {
	return a.inTurn(ctx, a.joining, func(ctx context.Context) error {
		m := a.member()
		switch {
		case a.cluster == nil:
			return &agent.WrongState{Text: "the node has no cluster: its configuration has no [rpcinterface:supvisors]"}
		case m.state == agent.Unconfiguring:
			return &agent.BadInput{Input: "node", Text: "the node is being unregistered"}
		case m.state != agent.Unconfigured:
			return &agent.Conflict{Text: "the node is already registered"}
		case r.ID != a.nick():
			return &agent.BadInput{Input: "device.id", Text: "this is not the id of the node"}
		}
		if err := a.mayJoin(r.Join); err != nil {
			return err
		}
		m = member{state: agent.Configuring, record: record{Name: r.Name, Pattern: r.Pattern, HA: r.HA,
			Join: slices.DeleteFunc(slices.Clone(r.Join), a.isConfigured), Token: a.tokenToKeep(r.Token), Unregistered: m.Unregistered}}
		if err := a.join(ctx, &m); err != nil {
			return err
		}
		if err := a.keep(m); err != nil {
			return errors.Join(err, a.withdraw(ctx, false))
		}
		return nil
	})
}

// mayJoin refuses peers that a client must not name.
func (a *Agent) mayJoin(peers []string) error {
	for _, peer := range peers {
		if !a.options.AllowJoin && !a.isConfigured(peer) {
			return &agent.Forbidden{Input: "device.join",
				Text: "the node may only join the peers of its configuration; allow_join in [agent] allows others"}
		}
	}
	return nil
}

func (a *Agent) isConfigured(peer string) bool {
	return slices.ContainsFunc(a.cfg.Peers, func(known string) bool { return samePeer(known, peer) })
}

// samePeer compares two host:port.
func samePeer(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	return errA == nil && errB == nil && strings.EqualFold(hostA, hostB) && portA == portB
}

// tokenToKeep returns what stands for a token in the file: the configuration may go on having its own.
func (a *Agent) tokenToKeep(token string) string {
	if token == a.cfg.Secret {
		return ""
	}
	return token
}

// join makes the node a member with the token and the peers of a registration.
func (a *Agent) join(ctx context.Context, m *member) error {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	if err := a.cfg.Membership.Join(ctx, cmp.Or(m.Token, a.cfg.Secret), m.Join, m.standing(0)); err != nil {
		return fmt.Errorf("join the cluster: %w", err)
	}
	m.valid, m.validated = true, time.Now()
	return nil
}

func (a *Agent) withdraw(ctx context.Context, forget bool) error {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	err := a.cfg.Membership.Withdraw(ctx, forget)
	if err != nil && !errors.Is(err, node.ErrNoMember) { // a token that was refused has left it outside
		return fmt.Errorf("leave the cluster: %w", err)
	}
	return nil
}

// SetToken implements agent.Agent. When the cluster does not take the other token, the node goes back with the one it had.
func (a *Agent) SetToken(ctx context.Context, token string) error {
	return a.inTurn(ctx, a.joining, func(ctx context.Context) error {
		old := a.member()
		switch {
		case !old.registered():
			return &agent.NotRegistered{}
		case old.state != agent.Configuring:
			return &agent.WrongState{Text: "the token can only be changed while the node is configuring; it is " + old.state.String()}
		}
		if err := a.withdraw(ctx, false); err != nil {
			return err
		}
		m := old
		m.Token = a.tokenToKeep(token)
		err := a.join(ctx, &m)
		if err == nil {
			if err = a.keep(m); err == nil {
				return nil
			}
			err = errors.Join(err, a.withdraw(ctx, false))
		}
		if back := a.join(ctx, &old); back != nil {
			err = errors.Join(err, back)
			old.valid = false // the next start tries it again
		}
		a.become(func(r *registry) { r.now.valid, r.now.validated = old.valid, old.validated })
		return err
	})
}

// SetState implements agent.Agent.
func (a *Agent) SetState(ctx context.Context, state agent.State) error {
	return a.inTurn(ctx, a.joining, func(ctx context.Context) error {
		m := a.member()
		switch {
		case !m.registered():
			return &agent.NotRegistered{}
		case m.state != agent.Configuring || state != agent.Configured:
			return &agent.WrongState{Text: "the node cannot become " + state.String() + ": it is " + m.state.String()}
		case !m.valid:
			return &agent.WrongState{Text: "the node cannot become configured: the cluster does not take its token"}
		}
		m.state = agent.Configured
		if err := a.keep(m); err != nil {
			return err
		}
		a.tellConfigured(ctx)
		return nil
	})
}
