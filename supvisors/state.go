package main

import (
	"path/filepath"
	"strings"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/key"
	"github.com/supvisors/supvisors/internal/trust"
	"github.com/supvisors/supvisors/internal/worker"
)

// stateDir is where what must survive a restart is kept: state_dir, or beside the pid file.
func stateDir(cfg *config.Config) string {
	if r := ownRest(cfg); r != nil && r.StateDir != "" {
		return r.StateDir
	}
	pidfile := cfg.Supervisord.Pidfile
	return strings.TrimSuffix(pidfile, filepath.Ext(pidfile)) + ".state"
}

// state is what a node with the device or the agent API keeps; nil without them.
type state struct {
	folder *journal.Folder
	keys   *key.Keys
	worker *worker.Worker
}

func (s *session) openState() (*state, error) {
	if s.cfg.Device == nil && s.cfg.Agent == nil {
		return nil, nil
	}
	st := &state{worker: s.workers.Add("Store")}
	var err error
	if st.folder, err = journal.OpenFolder(stateDir(s.cfg)); err != nil {
		return nil, err
	}
	if st.keys, err = key.Open(st.folder, st.folder.Path("")); err != nil {
		return nil, err
	}
	st.worker.Set(worker.Started)
	st.worker.Set(worker.Initialized)
	return st, nil
}

func (st *state) close() {
	if st != nil {
		st.worker.Set(worker.Terminated)
	}
}

// A reader reads a file of the configuration, or of the rules; nil is as it is.
type reader func(path string) ([]byte, error)

// signedReader wants the signature of somebody who is trusted.
func signedReader(cfg *config.Config) (reader, error) {
	store, err := trust.Open(filepath.Join(stateDir(cfg), "trust"))
	if err != nil {
		return nil, err
	}
	return store.ReadSigned, nil
}

// loadConfig reads the configuration. One that wants to be signed is read as such: nothing counts of what was read before.
func loadConfig(path string, flags config.Flags) (*config.Config, error) {
	cfg, err := config.Load(path, flags)
	if err != nil || cfg.Agent == nil || !cfg.Agent.SignedConfig {
		return cfg, err
	}
	read, err := signedReader(cfg)
	if err != nil {
		return nil, err
	}
	return config.LoadWith(path, flags, read)
}

// reread reads the configuration again. If that of this session wants signatures, so does the next one.
func (s *session) reread(p *daemonProcess) (*config.Config, error) {
	if s.cfg.Agent == nil || !s.cfg.Agent.SignedConfig {
		return loadConfig(p.path, p.flags)
	}
	read, err := signedReader(s.cfg)
	if err != nil {
		return nil, err
	}
	return config.LoadWith(p.path, p.flags, s.noting(read))
}

// rulesReader reads the rules files as the options want it.
func rulesReader(cfg *config.Config) (reader, error) {
	if cfg.Agent == nil || !cfg.Agent.SignedRules {
		return nil, nil
	}
	return signedReader(cfg)
}

// noting has what is refused for its signature in the event log too.
func (s *session) noting(read reader) reader {
	if read == nil {
		return nil
	}
	return func(path string) ([]byte, error) {
		data, err := read(path)
		if refused(err) {
			s.agent.refused(err)
		}
		return data, err
	}
}
