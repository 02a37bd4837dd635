package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
)

// load takes the options from a configuration file.
func (o *options) load(path string) error {
	doc, err := ini.LoadOne(path)
	if err != nil {
		return err
	}
	const section = "supervisorctl"
	if !doc.Has(section) {
		return errors.New(".ini file does not include supervisorctl section")
	}
	o.supvisorsPlugin = doc.Has("ctlplugin:supvisors")
	here, err := ini.Normalize(path)
	if err != nil {
		return err
	}
	vars := ini.EnvVars(os.Environ())
	withHere := ini.EnvVars(os.Environ())
	withHere["here"] = filepath.Dir(here)
	for key, option := range map[string]struct {
		field *string
		vars  ini.Vars
	}{"serverurl": {&o.serverURL, withHere}, "prompt": {&o.prompt, vars}, "username": {&o.username, vars}, "password": {&o.password, vars},
		"history_file": {&o.historyFile, withHere}} {
		value, ok := doc.Lookup(section, key)
		if !ok {
			continue
		}
		if *option.field, err = ini.Expand(value.Text, section+"."+key, option.vars); err != nil {
			return err
		}
	}
	return o.normalize()
}

// normalize makes the paths of the options absolute.
func (o *options) normalize() (err error) {
	if socket, ok := strings.CutPrefix(o.serverURL, "unix://"); ok {
		if socket, err = ini.Normalize(socket); err != nil {
			return err
		}
		o.serverURL = "unix://" + socket
	}
	if o.historyFile != "" {
		o.historyFile, err = ini.Normalize(o.historyFile)
	}
	return err
}
