// Package rpc speaks XML-RPC as Supervisor speaks it: the values, the documents, the faults, the table of methods, the HTTP
// handler that serves such a table and the client that calls one.
//
// Guarantees:
//   - A document from outside costs time and memory in proportion to its length; nesting is limited, document type
//     definitions are refused, and no document can make a decoder panic.
//   - What the encoder writes, every XML parser can read: text with control characters or broken UTF-8 included. Apart from
//     these repairs the bytes are those of Python's xmlrpc.client, so line oriented scripts keep working.
//   - A method is found by its exact name in a map. Its function gets checked arguments; its panic becomes a fault.
//   - Table, Handler and Client may be used by many goroutines at once.
//
// The package never decides who may call what: Table.Guard and a wrapper around Handler do.
//
// # Values
//
// A decoded value is a string, bool, int (every integer type), float64, []byte (base64), time.Time (dateTime.iso8601, in
// UTC), []any, Map or nil. The encoder takes these, and beyond them every Go integer and float, slices, arrays, maps with
// string keys, pointers, and structs whose exported fields become members in their order: a tag `xmlrpc:"name"` names the
// member, "-" leaves it out, ",omitempty" leaves out a zero value, and the fields of embedded structs count as their own. The same tags
// lead a reply back into a struct. nil has no XML-RPC form, it is an error.
package rpc
