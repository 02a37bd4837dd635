// Package rest serves the methods of an rpc.Table over HTTP with JSON, under the paths, verbs and parameters that Supvisors' own
// gateway (supvisorsflask) gave them, and describes them as OpenAPI documents.
//
// Everything comes from the rows of the table: a row of the namespace supvisors has a route of its name without get_, one that only
// looks is a GET, required parameters are segments of the path, wait and extra_args are fields of the query or of the body. What does
// not follow from its row stands in one table, variants.
//
// Guarantees: a value is the body, without an envelope; every other answer is a JSON object with a message, and the code of the fault
// where there is one. A path is taken apart before its segments are decoded, so that a name may contain %2F. A client that leaves ends
// the context of its call. The package asks nobody for a password; it refuses what a page of another site makes a browser send.
package rest
