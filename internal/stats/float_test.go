package stats

import (
	"encoding/json"
	"math"
	"testing"
)

func TestFloatIsNeverAnInteger(t *testing.T) {
	for _, c := range []struct {
		value Float
		text  string
	}{
		{0, "0.0"}, {1, "1.0"}, {-3, "-3.0"}, {100, "100.0"}, {0.5, "0.5"}, {1.0 / 3, "0.3333333333333333"},
		{1e-7, "1e-07"}, {123456789012, "123456789012.0"}, {1e16, "1e+16"}, {0.0001, "0.0001"}, {math.MaxFloat64, "1.7976931348623157e+308"},
	} {
		text, err := json.Marshal(c.value)
		if err != nil || string(text) != c.text {
			t.Errorf("%v: %s, %v, want %s", float64(c.value), text, err, c.text)
		}
		var back Float
		if err := json.Unmarshal(text, &back); err != nil || back != c.value {
			t.Errorf("%s reads back as %v, %v", text, back, err)
		}
	}
}

func TestSamplesAsJSON(t *testing.T) {
	for _, c := range []struct {
		sample Sample
		header string
		text   string
	}{
		{HostSample{
			Identifier: "n1", NowMonotonic: 12, TargetPeriod: 10, Period: [2]Float{0, 10}, CPU: []Float{50, 0, 100}, Mem: 40,
			NetIO: map[string][2]Float{"lo": {0, 1.5}}, DiskIO: map[string][2]Float{}, DiskUsage: map[string]Float{"/": 7},
		}, "hstats", `{"identifier":"n1","now_monotonic":12.0,"target_period":10.0,"period":[0.0,10.0],"cpu":[50.0,0.0,100.0],` +
			`"mem":40.0,"net_io":{"lo":[0.0,1.5]},"disk_io":{},"disk_usage":{"/":7.0}}`},
		{ProcessSample{
			Namespec: "app:one", Identifier: "n1", PID: 7, NowMonotonic: 12.25, TargetPeriod: 10, Period: [2]Float{10, 20}, CPU: 0, Mem: 0,
		}, "pstats", `{"namespec":"app:one","identifier":"n1","pid":7,"now_monotonic":12.25,"target_period":10.0,` +
			`"period":[10.0,20.0],"cpu":0.0,"mem":0.0}`},
	} {
		text, err := json.Marshal(c.sample)
		if err != nil || string(text) != c.text {
			t.Errorf("%s, %v\nwant %s", text, err, c.text)
		}
		if c.sample.Header() != c.header {
			t.Errorf("header %s, want %s", c.sample.Header(), c.header)
		}
	}
}

func TestPercentIsFinite(t *testing.T) {
	for _, c := range []struct {
		part, whole float64
		want        Float
	}{{1, 4, 25}, {0, 4, 0}, {3, 2, 150}, {0, 0, 0}, {5, 0, 0}, {1, -1, 0}} {
		if got := percent(c.part, c.whole); got != c.want {
			t.Errorf("percent(%v, %v) = %v, want %v", c.part, c.whole, got, c.want)
		}
	}
}

func TestSolaris(t *testing.T) {
	for _, c := range []struct {
		irix  Float
		cores int
		want  Float
	}{{200, 4, 50}, {100, 1, 100}, {100, 0, 100}} {
		if got := Solaris(c.irix, c.cores); got != c.want {
			t.Errorf("Solaris(%v, %d) = %v, want %v", c.irix, c.cores, got, c.want)
		}
	}
}
