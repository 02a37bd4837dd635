package service

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/rpc"
)

// signatures are those of Supervisor: the result, then the parameters.
var signatures = map[string]string{
	"addProcessGroup": "boolean string", "clearAllProcessLogs": "array", "clearLog": "boolean", "clearProcessLog": "boolean string",
	"clearProcessLogs": "boolean string", "getAPIVersion": "string", "getAllConfigInfo": "array", "getAllProcessInfo": "array",
	"getIdentification": "string", "getPID": "int", "getProcessInfo": "struct string", "getState": "struct",
	"getSupervisorVersion": "string", "getVersion": "string", "readLog": "string int int", "readMainLog": "string int int",
	"readProcessLog": "string string int int", "readProcessStderrLog": "string string int int",
	"readProcessStdoutLog": "string string int int", "reloadConfig": "array", "removeProcessGroup": "boolean string",
	"restart": "boolean", "sendProcessStdin": "boolean string string", "sendRemoteCommEvent": "boolean string string",
	"shutdown": "boolean", "signalAllProcesses": "array string", "signalProcess": "boolean string string",
	"signalProcessGroup": "array string string", "startAllProcesses": "array boolean", "startProcess": "boolean string boolean",
	"startProcessGroup": "array string boolean", "stopAllProcesses": "array boolean", "stopProcess": "boolean string boolean",
	"stopProcessGroup": "array string boolean", "tailProcessLog": "array string int int",
	"tailProcessStderrLog": "array string int int", "tailProcessStdoutLog": "array string int int",
}

// clusterNames are the methods of Supvisors.
const clusterNames = `change_log_level conciliate disable enable enable_host_statistics enable_process_statistics end_sync
	get_all_applications_info get_all_inner_process_info get_all_instances_info get_all_instances_state_modes
	get_all_local_process_info get_all_process_info get_api_version get_application_info get_application_rules get_conflicts
	get_core_identifiers get_logger_levels get_inner_process_info get_instance_info get_instance_state_modes get_local_process_info
	get_master_identifier get_network_info get_process_info get_process_rules get_statistics_status get_strategies
	get_supvisors_state restart restart_application restart_process restart_sequence shutdown start_any_process start_application
	start_args start_process stop_application stop_process test_start_application test_start_process update_collecting_period
	update_numprocs`

// arguments returns something for each parameter of a method that must be given.
func arguments(m *rpc.Method) []any {
	values := map[rpc.Kind]any{rpc.Boolean: false, rpc.Int: 0, rpc.Double: 1.5, rpc.String: "x", rpc.Array: []any{}, rpc.Struct: rpc.Map{}, rpc.Any: 1}
	var args []any
	for _, p := range m.Params {
		if !p.Optional {
			args = append(args, values[p.Kind])
		}
	}
	return args
}

func TestNamesAndSignatures(t *testing.T) {
	d, _ := newClusterDaemon(t, func(*fakeCluster) {})
	want := map[string]bool{"system.listMethods": true, "system.methodHelp": true, "system.methodSignature": true, "system.multicall": true}
	for name, signature := range signatures {
		want["supervisor."+name] = true
		m, ok := d.table.Lookup("supervisor." + name)
		if !ok {
			t.Errorf("there is no supervisor.%s", name)
		} else if got := strings.Join(m.Signature(), " "); got != signature {
			t.Errorf("supervisor.%s is %s, want %s", name, got, signature)
		}
	}
	for _, name := range strings.Fields(clusterNames) {
		want["supvisors."+name] = true
	}
	for _, name := range d.table.Names() {
		if !want[name] {
			t.Errorf("%s is not expected", name)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("there is no %s", name)
	}
	plain := newDaemon(t, "", nil)
	for _, name := range plain.table.Names() {
		if strings.HasPrefix(name, "supvisors.") {
			t.Errorf("a plain daemon has %s", name)
		}
	}
}

// Each row says what it does, takes and returns, for help texts and schemas.
func TestRowsAreDescribed(t *testing.T) {
	d, _ := newClusterDaemon(t, func(*fakeCluster) {})
	for _, name := range d.table.Names() {
		m, _ := d.table.Lookup(name)
		if !strings.HasSuffix(m.Doc, ".") {
			t.Errorf("%s: doc %q", name, m.Doc)
		}
		names := map[string]bool{}
		for _, p := range m.Params {
			if p.Name == "" || p.Doc == "" || names[p.Name] {
				t.Errorf("%s: parameter %+v", name, p)
			}
			names[p.Name] = true
		}
		if m.Result.Doc == "" || m.Result.Type == nil {
			t.Errorf("%s: result %+v", name, m.Result)
			continue
		}
		kinds := map[reflect.Kind]rpc.Kind{reflect.Bool: rpc.Boolean, reflect.Int: rpc.Int, reflect.Float64: rpc.Double,
			reflect.String: rpc.String, reflect.Slice: rpc.Array, reflect.Struct: rpc.Struct}
		kind := kinds[reflect.TypeOf(m.Result.Type).Kind()]
		if reflect.TypeOf(m.Result.Type) == reflect.TypeFor[rpc.Map]() {
			kind = rpc.Struct
		}
		if kind != m.Result.Kind {
			t.Errorf("%s: result is %s, its type %T", name, m.Result.Kind, m.Result.Type)
		}
		// what can do harm is known by its name
		_, word, _ := strings.Cut(name, ".")
		looks := m.Access == rpc.Read
		harmless := false
		for _, verb := range []string{"get", "read", "tail", "test_", "list", "method", "multicall"} {
			harmless = harmless || strings.HasPrefix(word, verb)
		}
		if looks != harmless {
			t.Errorf("%s needs access to %s", name, m.Access)
		}
	}
}

// rowFaults are the faults of the rows with the values of arguments in a cluster in OPERATION; the others give a value.
var rowFaults = map[string]string{
	"supervisor.addProcessGroup": "BAD_NAME: x", "supervisor.removeProcessGroup": "BAD_NAME: x",
	"supervisor.clearProcessLog": "BAD_NAME: x", "supervisor.clearProcessLogs": "BAD_NAME: x", "supervisor.getProcessInfo": "BAD_NAME: x",
	"supervisor.readProcessLog": "BAD_NAME: x", "supervisor.readProcessStderrLog": "BAD_NAME: x",
	"supervisor.readProcessStdoutLog": "BAD_NAME: x", "supervisor.sendProcessStdin": "INCORRECT_PARAMETERS: 1",
	"supervisor.signalProcess": "BAD_NAME: x", "supervisor.signalProcessGroup": "BAD_NAME: x", "supervisor.startProcess": "BAD_NAME: x",
	"supervisor.startProcessGroup": "BAD_NAME: x", "supervisor.stopProcess": "BAD_NAME: x", "supervisor.stopProcessGroup": "BAD_NAME: x",
	"supervisor.tailProcessLog": "BAD_NAME: x", "supervisor.tailProcessStderrLog": "BAD_NAME: x",
	"supervisor.tailProcessStdoutLog": "BAD_NAME: x",

	"supvisors.change_log_level": "INCORRECT_PARAMETERS: invalid logger value=1 - integer expected in [50, 40, 30, 20, 10, 5, 3]",
	"supvisors.conciliate":       "BAD_SUPVISORS_STATE: invalid Supvisors state=OPERATION - state expected in ['CONCILIATION']",
	"supvisors.disable":          "BAD_NAME: program=x unknown to Supvisors", "supvisors.enable": "BAD_NAME: program=x unknown to Supvisors",
	"supvisors.end_sync":                   "BAD_SUPVISORS_STATE: invalid Supvisors state=OPERATION - state expected in ['SYNCHRONIZATION']",
	"supvisors.get_all_inner_process_info": "BAD_NAME: identifier=x is unknown to Supvisors",
	"supvisors.get_application_info":       "BAD_NAME: application=x unknown to Supvisors",
	"supvisors.get_application_rules":      "BAD_NAME: application=x unknown to Supvisors",
	"supvisors.get_inner_process_info":     "BAD_NAME: identifier=x is unknown to Supvisors",
	"supvisors.get_instance_info":          "BAD_NAME: identifier=x is unknown to Supvisors",
	"supvisors.get_instance_state_modes":   "BAD_NAME: identifier=x is unknown to Supvisors",
	"supvisors.get_local_process_info":     "BAD_NAME: x",
	"supvisors.get_network_info":           "BAD_NAME: identifier=x is unknown to Supvisors",
	"supvisors.get_process_info":           "BAD_NAME: application=x unknown to Supvisors",
	"supvisors.get_process_rules":          "BAD_NAME: application=x unknown to Supvisors",
	"supvisors.restart_application":        "BAD_NAME: application=x unknown to Supvisors",
	"supvisors.restart_process":            "BAD_NAME: application=x unknown to Supvisors",
	"supvisors.restart_sequence":           "ABNORMAL_TERMINATION: failed to trigger start sequence",
	"supvisors.start_any_process":          `FAILED: no candidate process matching "x"`,
	"supvisors.start_application":          "BAD_NAME: application=x unknown to Supvisors",
	"supvisors.start_args":                 "BAD_NAME: application=x unknown to Supvisors",
	"supvisors.start_process":              "BAD_NAME: application=x unknown to Supvisors",
	"supvisors.stop_application":           "BAD_NAME: application=x unknown to Supvisors",
	"supvisors.stop_process":               "BAD_NAME: application=x unknown to Supvisors",
	"supvisors.test_start_application":     "BAD_NAME: application=x unknown to Supvisors",
	"supvisors.test_start_process":         "BAD_NAME: application=x unknown to Supvisors",
	"supvisors.update_numprocs":            "BAD_NAME: program=x unknown to Supvisors",

	"system.methodHelp": "SIGNATURE_UNSUPPORTED", "system.methodSignature": "SIGNATURE_UNSUPPORTED",
}

// Every row answers through XML-RPC: with a value of the type it promises, or with the fault that is due. What ends the daemon or
// the cluster is left out here.
func TestEveryRowAnswers(t *testing.T) {
	d, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	for _, name := range d.table.Names() {
		if strings.HasSuffix(name, ".shutdown") || strings.HasSuffix(name, ".restart") {
			continue
		}
		m, _ := d.table.Lookup(name)
		value, err := d.call(name, arguments(m)...)
		text := ""
		var fault *rpc.Fault
		if errors.As(err, &fault) {
			text = fault.Text
			if !strings.HasPrefix(text, rpc.FaultName(fault.Code)) {
				t.Errorf("%s: the code of %s is %d", name, text, fault.Code)
			}
		}
		if text != rowFaults[name] {
			t.Errorf("%s: fault %q, want %q", name, text, rowFaults[name])
		}
		if err != nil {
			continue
		}
		if err := rpc.Assign(reflect.New(reflect.TypeOf(m.Result.Type)).Interface(), value); err != nil {
			t.Errorf("%s promises %T: %v", name, m.Result.Type, err)
		}
		if _, err := d.call(name, slices.Repeat([]any{1}, 9)...); err == nil {
			t.Errorf("%s takes nine parameters", name)
		}
	}
}

func TestParameterFaults(t *testing.T) {
	d, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	for _, c := range []struct {
		method string
		args   []any
		text   string
	}{
		{"supervisor.getState", []any{1}, "INCORRECT_PARAMETERS"},
		{"supervisor.startProcess", nil, "INCORRECT_PARAMETERS"},
		{"supervisor.startProcess", []any{5}, "INCORRECT_PARAMETERS: name is not of type string"},
		{"supervisor.startProcess", []any{"x", "perhaps"}, "INCORRECT_PARAMETERS: wait is not of type boolean"},
		{"supervisor.readLog", []any{"zero", 0}, "INCORRECT_PARAMETERS: offset is not of type int"},
		{"supvisors.get_instance_info", []any{"n1", "n2"}, "INCORRECT_PARAMETERS"},
		{"supvisors.start_args", []any{"plain"}, "INCORRECT_PARAMETERS"},
		{"supvisors.enable_host_statistics", []any{"perhaps"}, "INCORRECT_PARAMETERS: enable_host is not of type boolean"},
	} {
		d.wantFault(rpc.IncorrectParameters, c.text, c.method, c.args...)
	}
	d.wantFault(rpc.UnknownMethod, "UNKNOWN_METHOD", "supervisor._update", "x")
}
