// Package stats measures one node: the host and the programs that run on it, read from /proc once per collecting period,
// integrated over up to three periods, and kept as histories of a fixed depth.
//
// Guarantees: everything is read, integrated and published on the goroutine of Run, but for statfs, which has one goroutine
// per mount because it may block for ever. Readers take no lock, copy nothing and never delay the sampler: a history is a slice
// that nobody changes any more. Memory is bounded by the programs that are up, the periods and the depth; what a program that
// ended has left is freed by the next sample. A failing read is logged once per kind and costs one sample.
//
// The figures are those of Supvisors: processor loads in percent (IRIX mode: a program that keeps two cores busy has 200),
// memory in percent of the physical memory, network and block devices in kibibits per second, partitions in percent of what an
// unprivileged user can fill. They differ in three places, where Supvisors shows what did not happen: a processor that is
// plugged in or out is left out of the sample instead of shifting the others; the time of children that were waited for counts,
// so that the load of a program does not fall below zero when a child ends; and statistics that are switched off are forgotten,
// so that no value is an average over the time in which nobody looked.
package stats
