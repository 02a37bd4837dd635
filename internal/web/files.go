package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"time"
)

//go:embed static
var static embed.FS

// file is what pages are drawn with.
type file struct {
	contentType string
	etag        string
	modified    time.Time
	data        []byte
}

// readFiles returns the embedded files by their path. They have no time of their own: for clients they are as old as the daemon.
func readFiles(modified time.Time) map[string]file {
	files := map[string]file{}
	root, err := fs.Sub(static, "static")
	if err == nil {
		err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(root, name)
			sum := sha256.Sum256(data)
			files[name] = file{mime.TypeByExtension(path.Ext(name)), `"` + hex.EncodeToString(sum[:8]) + `"`, modified, data}
			return err
		})
	}
	if err != nil {
		panic("embedded files: " + err.Error()) // the compiler has put them in
	}
	return files
}

// serve answers with the file, or with 304 when the client has it.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("ETag", f.etag)
	h.Set("Cache-Control", "no-cache") // may be kept, but another version of the daemon has others
	http.ServeContent(w, r, "", f.modified, bytes.NewReader(f.data))
}
