# prints what go test -bench tells as a table, a line for each benchmark; whatever else it says, such as a failure, is passed on
function cell(unit) { return unit in figure ? figure[unit] : "-" }
function duration(ns) {
	if (ns < 1e3) return sprintf("%.4g ns", ns)
	if (ns < 1e6) return sprintf("%.4g us", ns / 1e3)
	if (ns < 1e9) return sprintf("%.4g ms", ns / 1e6)
	return sprintf("%.4g s ", ns / 1e9)
}
BEGIN {
	row = "%-28s %-36s %9s %9s %10s %10s\n"
	printf row, "package", "benchmark", "time/op", "MB/s", "B/op", "allocs/op"
}
/^pkg: / { n = split($2, path, "supvisors/"); package = path[n]; next }
/^(goos|goarch|cpu): |^PASS$|^ok / { next }
/ ns\/op/ {
	split("", figure)
	for (i = 3; i < NF; i += 2) figure[$(i + 1)] = $i
	sub(/^Benchmark/, "", $1)
	sub(/-[0-9]+$/, "", $1) # the number of cores
	printf row, package, $1, duration(figure["ns/op"]), cell("MB/s"), cell("B/op"), cell("allocs/op")
	rows++
	next
}
{ print }
/FAIL/ { failed = 1 }
END { exit failed || !rows }
