// Package webui holds the tests of the dashboard in a real browser with real daemons. It is a module of its own, so that what drives
// the browser is no dependency of the product: make webui runs it.
package webui
