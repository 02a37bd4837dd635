package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/supvisors/supvisors/rpc"
)

//go:embed static templates
var embedded embed.FS

// safety are the headers of each answer: everything comes from this site, and no other site may show it in a frame. The base-uri is that of
// the shell itself.
var safety = map[string]string{
	"Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; " +
		"form-action 'self'; base-uri 'self'; frame-ancestors 'none'",
	"X-Frame-Options":        "DENY", // for browsers that do not know frame-ancestors
	"X-Content-Type-Options": "nosniff",
	"Referrer-Policy":        "same-origin",
}

// asset is one file of the pages.
type asset struct {
	kind    string                   // its media type
	content func() (*content, error) // made when it is asked for first: a daemon that nobody looks at has no use for it
}

type content struct {
	tag        string
	data, gzip []byte
}

// findAssets returns all that is embedded.
func findAssets() (map[string]*asset, error) {
	files := map[string]*asset{}
	err := fs.WalkDir(embedded, "static", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files[strings.TrimPrefix(name, "static/")] = &asset{mediaType(name), sync.OnceValues(func() (*content, error) { return readAsset(name) })}
		}
		return err
	})
	return files, err
}

func readAsset(name string) (*content, error) {
	data, err := embedded.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err = w.Write(data); err == nil {
		err = w.Close()
	}
	sum := sha256.Sum256(data)
	return &content{tag: `"` + hex.EncodeToString(sum[:8]) + `"`, data: data, gzip: packed.Bytes()}, err
}

// mediaType does not depend on the files of the system.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".md":
		return "text/plain; charset=utf-8"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// serveFile serves one of the files. Browsers ask each time whether it is still the same: its name does not change with a new version.
func (d *Dashboard) serveFile(w http.ResponseWriter, r *http.Request) {
	asset := d.files[r.PathValue("name")]
	if asset == nil {
		http.NotFound(w, r)
		return
	}
	file, err := asset.content()
	if err != nil {
		d.cfg.Log.Error("file cannot be shown", "file", r.PathValue("name"), "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", asset.kind)
	h.Set("ETag", file.tag)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == file.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	data := file.data
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && len(file.gzip) < len(data) {
		h.Set("Content-Encoding", "gzip")
		data = file.gzip
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.Write(data) // an error means that the browser has gone
}

func readShell() (*template.Template, error) {
	return template.ParseFS(embedded, "templates/*.html")
}

// page is what the shell shows before, or without, its script.
type page struct {
	Base    string // the way to the root of the site
	Title   string
	Look    Look
	Path    string // below ui/
	All     *Snapshot
	Modules []string // all scripts: a browser fetches them at once instead of one wave after the other
	// Node, App and Process narrow the tables.
	Node, App, Process string
	Failed             int
	ReadOnly           bool // the user may not act
}

// Nick is what people call a node.
func (p page) Nick(id string) string {
	for _, n := range p.All.Nodes {
		if n.ID == id {
			return n.Nick
		}
	}
	return id
}

// servePage serves the shell with what can be read without a script.
func (d *Dashboard) servePage(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "a page can only be read")
		return
	}
	where := strings.TrimPrefix(r.URL.Path, "/ui/")
	parts := strings.Split(where, "/")
	p := page{Base: "./" + strings.Repeat("../", len(parts)), Title: "Cluster", Look: d.cfg.Look, Path: parts[0], All: d.Snapshot(), Modules: d.modules,
		ReadOnly: rpc.Permit(r.Context(), rpc.Act) != nil}
	status := http.StatusOK
	switch {
	case parts[0] == "" && len(parts) == 1:
	case parts[0] == "nodes" && len(parts) >= 2 && len(parts) <= 3:
		p.Title, p.Node = parts[1], parts[1]
		if id, ok := d.identifier(parts[1]); ok && parts[1] != "" {
			p.Node = id
		} else {
			status = http.StatusNotFound
		}
	case parts[0] == "apps" && len(parts) == 2:
		p.Title, p.App = parts[1], parts[1]
		if d.current().Application(parts[1]) == nil {
			status = http.StatusNotFound
		}
	case parts[0] == "processes" && len(parts) == 3:
		p.App, p.Process = parts[1], parts[2]
		p.Title = parts[1] + ":" + parts[2]
		if app := d.current().Application(parts[1]); app == nil || app.Process(parts[2]) == nil {
			status = http.StatusNotFound
		}
	case len(parts) == 1 && titles[parts[0]] != "":
		p.Title = titles[parts[0]]
	default:
		p.Title, status = "No such page", http.StatusNotFound
	}
	for _, app := range p.All.Applications {
		for _, process := range app.Processes {
			if process.State == "FATAL" {
				p.Failed++
			}
		}
	}
	var body bytes.Buffer
	if err := d.shell.ExecuteTemplate(&body, "shell.html", p); err != nil {
		d.cfg.Log.Error("page cannot be shown", "page", where, "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body.Bytes()) // an error means that the browser has gone
}

// titles are the pages without an object.
var titles = map[string]string{"processes": "Processes", "conflicts": "Conflicts", "events": "Events", "rules": "Rules", "whatif": "What if", "help": "Help",
	"nodes": "Nodes", "apps": "Applications"}

// newRoutes is all that is below ui/.
func (d *Dashboard) newRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /ui/api/snapshot":       d.serveSnapshot,
		"GET /ui/api/stream":         d.serveStream,
		"POST /ui/api/stream/{conn}": d.serveWatching,
		"POST /ui/api/jobs":          d.takeJob,
		"GET /ui/api/jobs":           d.serveJobs,
		"GET /ui/api/moments":        d.serveMoments,
		"GET /ui/api/sequences":      d.serveSequences,
		"GET /ui/api/log":            d.serveLog,
		"GET /ui/api/log/file":       d.serveLogFile,
		"GET /ui/api/stats":          d.serveStats,
		"GET /ui/api/config":         d.serveConfig,
		"GET /ui/api/rules":          d.serveRules,
		"GET /ui/api/plan":           d.servePlan,
		"GET /ui/api/previews":       d.servePreviews,
		"GET /ui/static/{name...}":   d.serveFile,
		"/ui/":                       d.servePage,
	} {
		mux.HandleFunc(pattern, h)
	}
	mux.HandleFunc("GET /ui", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "ui/") // relative: a proxy may add a prefix
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/ui/api/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "there is no "+r.Method+" "+r.URL.Path)
	})
	return mux
}
