// Package dashboard serves the pages under ui/, on which any node shows and commands the whole cluster, and the API that they use.
//
// Guarantees:
//   - What is shown comes from the published Views and from the messages of the statistics: no page, stream or snapshot asks the driver for
//     anything, and nothing waits for a browser. Who is too slow is told to begin anew.
//   - Without a page that is open, a View costs the comparison with the one before, which keeps the timeline.
//   - What a page does, it does by calling rows of the method table, here or on another node, as a job: the click is answered at once, and the
//     job tells what became of it.
//   - Changes are numbered; a page that comes back gets what it has missed, or all of it anew.
//   - Files are served one by one from what is embedded; no page may load anything from elsewhere.
package dashboard
